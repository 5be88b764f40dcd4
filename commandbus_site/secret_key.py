"""The secret key of a site that was given none: made once, in a file only its owner can read."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path


def secret_key(path: Path) -> str:
    if not path.exists():
        _generate(path)
    return path.read_text().strip()


def _generate(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_urlsafe(50)}\n")
        # A link is made whole or not at all, and the first process to make it wins.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()

"""Statement files: each appears whole or not at all, in one folder and nowhere else."""

import os
import uuid
from contextlib import suppress
from glob import escape
from pathlib import Path

from django.conf import settings


class UnsafeFileName(ValueError):
    """The name would lead out of the statements folder."""


def statements_dir() -> Path:
    return Path(settings.COMMANDBUS_STATEMENTS_DIR)


def statement_path(name: str) -> Path:
    """Where the statement ``name`` lies; a plain file name, as results may be typed by people."""
    if name != Path(name).name or name in {"", ".", ".."} or "\0" in name:
        raise UnsafeFileName(f"{name!r} is not the plain name of a file in the statements folder")
    return statements_dir() / name


def write_statement(name: str, content: str) -> None:
    """Put ``content`` in place under ``name`` in one step, replacing what was there."""
    target = statement_path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: a second delivery of the same command may be writing just now.
    partial = target.with_name(f".{name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("x", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def remove_statement(name: str) -> None:
    """Remove the file, and what a killed worker may have left half-written beside it."""
    target = statement_path(name)
    target.unlink(missing_ok=True)
    for partial in target.parent.glob(f".{escape(name)}.*.part"):
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power failure too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""A client that a generator makes of the schema a live server serves."""

import subprocess
import sys
import uuid
from importlib import import_module
from pathlib import Path
from typing import Any, Self

PACKAGE = "bus_client"
CONFIG = f"package_name_override: {PACKAGE}\npost_hooks: []\n"
PATIENCE_SECONDS = 60


def generate(server: str, folder: Path) -> None:
    """Write the package into ``folder``; fails the test if the generator leaves anything out."""
    config = folder / "config.yaml"
    config.write_text(CONFIG)
    told = subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate"),
            *("--url", f"{server}/api/schema/", "--config", str(config)),
            *("--meta", "none", "--output-path", str(folder / PACKAGE), "--fail-on-warning"),
        ],
        timeout=PATIENCE_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


class GeneratedClient:
    """What a program does with the package, until it is closed; ``models`` are its classes."""

    def __init__(self, server: str, token: str) -> None:
        package: Any = import_module(PACKAGE)
        self.models: Any = import_module(f"{PACKAGE}.models")
        self._client = package.AuthenticatedClient(
            server, token, prefix="Token", raise_on_unexpected_status=True
        )

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._client.__exit__(*raised)

    def get(self, operation: str, *args: Any, **words: Any) -> Any:
        """``get("tsq.get_entry", id)``: the answer, which must be none of a problem."""
        run = import_module(f"{PACKAGE}.api.{operation}").sync_detailed
        response = run(*args, client=self._client, **words)
        assert response.parsed is not None
        assert not isinstance(response.parsed, self.models.ProblemDetails), response.parsed
        return response

    def do(self, operation: str, *args: Any, body: Any, **headers: Any) -> Any:
        """What a changing operation answers with."""
        key = str(uuid.uuid4())
        return self.get(operation, *args, body=body, idempotency_key=key, **headers).parsed

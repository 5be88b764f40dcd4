"""What may happen on a trip, by a word that fits into JSON."""

import os
import signal
from pathlib import Path

from django.db import connection

from processes.bus.errors import PermanentCommandError

KILL = "kill"
PERMANENT = "permanent"


def kill_once(marker: Path) -> str:
    """Kill the worker the first time; the file remembers that it happened."""
    return f"kill once {marker}"


def wait_for_lock(number: int) -> str:
    """Wait until nobody holds this advisory lock."""
    return f"lock {number}"


def happen(mishap: str) -> None:
    match mishap.split(maxsplit=2):
        case ["kill"]:
            _die()
        case ["kill", "once", marker]:
            if not Path(marker).exists():
                Path(marker).touch()
                _die()
        case ["lock", number]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int(number)])
        case ["permanent"]:
            raise PermanentCommandError("SOLD_OUT", "Nothing is left.")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

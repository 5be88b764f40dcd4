"""What callers hand over, checked: a clear error names the field and the remedy."""

from typing import Any

from processes.bus.errors import InvalidCommandData
from processes.bus.models import NAME_LENGTH


def checked_name(field: str, value: Any) -> str:
    """``value`` if it can name something; raises InvalidCommandData."""
    if isinstance(value, str) and 0 < len(value) <= NAME_LENGTH and value.isprintable():
        return value
    raise InvalidCommandData(
        f"{field} must be 1 to {NAME_LENGTH} printable characters, not {value!r}."
    )


def checked_number(field: str, value: Any, most: int) -> int:
    """``value`` if it is a whole number from 1 to ``most``; raises InvalidCommandData."""
    if type(value) is int and 1 <= value <= most:
        return value
    raise InvalidCommandData(f"{field} must be a whole number from 1 to {most}, not {value!r}.")

"""Values at the border of what JSON and PostgreSQL can hold."""

import datetime as dt
import decimal
import math
import uuid
from typing import Any


class Unprintable:
    """Neither its text nor its representation can be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no representation")


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def nested(depth: int) -> list[Any]:
    """A list in a list, so many levels deep."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def _circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


UNFIT_VALUES = {
    "set": {1, 2},
    "bytes": b"bytes",
    "date": dt.date(2024, 5, 17),
    "decimal": decimal.Decimal("1.5"),
    "uuid": uuid.UUID(int=1),
    "object": object(),
    "not a number": math.nan,
    "infinity": -math.inf,
    "key of a wrong type": {(1, 2): 3},
    "key that is not a number": {math.nan: 1},
    "NUL": "a\x00b",
    "NUL in a key": {"a\x00b": 1},
    "NUL after a backslash": "\\\x00",
    "half a surrogate pair": "\ud83d",
    "half a surrogate pair in a key": {"\udc00": 1},
    "integer of 5,000 digits": 10**5000,
    "100,000 levels deep": nested(100_000),
    "circular": _circular(),
}

FIT_VALUES = {
    "nothing": None,
    "text": "Größe 🙂 \\u0000 \u2028 \x1f \x7f",
    "integer of 4,300 digits": 10**4299,
    "largest float": 1.7976931348623157e308,
    "smallest float": 5e-324,
    "long text": "x" * 1_000_000,
    "100 levels deep": nested(100),
    "keys that become text": {7: "a", None: "b", True: "c", 2.5: "d"},
    "empty": {"": []},
}

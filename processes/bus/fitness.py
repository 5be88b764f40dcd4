"""Makes what handlers and managers hand over fit for PostgreSQL, each item on its own.

A set-based statement fails as a whole when one of its rows cannot be stored; so every text and
every JSON value passes here first.
"""

import json
import re
from typing import Any

MAX_CODE = 200
MAX_MESSAGE = 10_000
MAX_TRACEBACK = 50_000
MAX_DEPTH = 200
"""How deeply JSON may be nested: far below what Python's and PostgreSQL's parsers bear."""

_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
_NUL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
# jsonb stores numbers as numeric: at most 131,072 digits before and 16,383 after the point.
# Python prints at most 4,300 digits of an integer, and floats are far smaller.


class UnfitJson(ValueError):
    """The value is not JSON, or is JSON that a jsonb column cannot hold."""


def fit_text(value: Any, limit: int = MAX_MESSAGE) -> str:
    """``value`` as text without what a text column refuses, cut to ``limit`` characters."""
    try:
        text = str(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose text failed with {type(error).__name__}>"
    text = text[: limit + 1].replace("\x00", "\N{REPLACEMENT CHARACTER}")
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def json_text(value: Any) -> str:
    """``value`` as JSON text that a jsonb column accepts.

    Raises UnfitJson with the reason: not JSON (a date, a NaN, too deep), or holding the NUL
    character or half a surrogate pair, which PostgreSQL does not store.
    """
    try:
        text = _encode(value)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UnfitJson("it contains half of a surrogate pair, which is not valid text") from None
    except (TypeError, ValueError, RecursionError, OverflowError) as error:
        raise UnfitJson(fit_text(error, 500)) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth_exceeds(value, MAX_DEPTH):
        raise UnfitJson(f"it is nested more than {MAX_DEPTH} levels deep")
    if "\\u0000" in text and _NUL_ESCAPE.search(text):
        raise UnfitJson("it contains the NUL character, which PostgreSQL does not store")
    return text


def _depth_exceeds(value: Any, most: int) -> bool:
    """Level by level, so that no depth is too deep to measure."""
    level = [value]
    for _ in range(most):
        containers = [item for item in level if isinstance(item, dict | list | tuple)]
        level = [
            child
            for item in containers
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list | tuple) for item in level)


def json_object_text(value: Any) -> str:
    """Like ``json_text`` for a JSON object; anything else is unfit."""
    if not isinstance(value, dict):
        raise UnfitJson(f"a JSON object is needed, not {type(value).__name__}")
    return json_text(value)


def fit_details(value: Any) -> Any:
    """``value`` if it can be stored as JSON, else its text: details never spoil an outcome."""
    try:
        json_text(value)
    except UnfitJson:
        return fit_text(repr_or_type(value), MAX_MESSAGE)
    return value


def repr_or_type(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{type(value).__name__}>"

"""What a statement is asked for with: checked once, when the process starts."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from processes.definitions.statement_report.models import Format

FIELDS = ("account_id", "from", "to", "format", "chaos")
LARGEST_ID = 2**63 - 1  # of a bigint column
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class StatementRequest:
    account_id: int
    first_day: date
    last_day: date
    format: Format


def read_request(data: Mapping[str, Any]) -> StatementRequest:
    """Raises ValueError naming the field that is wrong and what it should be."""
    refuse_unknown("field", data, FIELDS)
    first_day, last_day = _day(data, "from"), _day(data, "to")
    if first_day > last_day:
        raise ValueError(f"from ({first_day}) is later than to ({last_day}): swap them")
    return StatementRequest(_account_id(data), first_day, last_day, _format(data))


def refuse_unknown(what: str, given: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"unknown {what} {unknown[0]!r}: use {', '.join(known)}")


def parse_day(text: object) -> date:
    """Only YYYY-MM-DD; ``date.fromisoformat`` alone would take week dates and more."""
    if not isinstance(text, str) or not _ISO_DATE.fullmatch(text):
        raise ValueError("not a date as YYYY-MM-DD")
    return date.fromisoformat(text)


def _day(data: Mapping[str, Any], field: str) -> date:
    try:
        return parse_day(data.get(field))
    except ValueError:
        raise ValueError(f"{field} must be a date as YYYY-MM-DD, not {data.get(field)!r}") from None


def _account_id(data: Mapping[str, Any]) -> int:
    value = data.get("account_id")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_ID:
        raise ValueError(f"account_id must be a positive whole number, not {value!r}")
    return value


def _format(data: Mapping[str, Any]) -> Format:
    value = data.get("format")
    if value not in Format.values:
        raise ValueError(f"format must be {' or '.join(Format.values)}, not {value!r}")
    return Format(value)

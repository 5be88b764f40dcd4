"""Results on stdout: as a table for people, as JSON or CSV for scripts."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.core.management.base import OutputWrapper

from processes.spreadsheets import csv_lines

TABLE, JSON, CSV = "table", "json", "csv"
MOST_WIDE = 100
"""Longer values are cut in a table, and only there."""
MEASURED = 200
"""So many rows settle the widths of a table; all are never held."""

Row = Sequence[Any]


def add_format(parser: ArgumentParser, *formats: str) -> None:
    choices = formats or (TABLE, JSON, CSV)
    parser.add_argument("--format", choices=choices, default=TABLE, help="%(default)s by default")


def write_rows(out: OutputWrapper, how: str, header: Sequence[str], rows: Iterable[Row]) -> None:
    """One line for each row, as they come."""
    lines = {TABLE: _table_lines, JSON: _json_lines, CSV: _csv_lines}[how](header, rows)
    for line in lines:
        out.write(line)


def write_facts(out: OutputWrapper, how: str, facts: dict[str, Any]) -> None:
    """One thing with all that is known of it, lists of rows among it."""
    if how == JSON:
        out.write(json.dumps(facts, default=_plain, indent=2, ensure_ascii=False))
        return
    for name, value in facts.items():
        out.write(_told(name, value))


def shown(value: Any) -> str:
    """As people read it, on one line."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())


def _told(name: str, value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        table = _table_lines(list(value[0]), [list(row.values()) for row in value])
        return "\n".join([f"\n{name}:", *(f"  {line}" for line in table)])
    if isinstance(value, dict) and value:
        text = json.dumps(value, default=_plain, indent=2, ensure_ascii=False)
        return f"{name}: {text}"
    if isinstance(value, str) and "\n" in value.strip():
        return "\n".join([f"{name}:", *(f"  {line}" for line in value.splitlines())])
    return f"{name}: {shown(value) or '-'}"


def _table_lines(header: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    told = ([_cut(shown(value)) for value in row] for row in rows)
    measured = list(islice(told, MEASURED))
    if not measured:
        return
    columns = zip(header, *measured, strict=True)
    widths = [max(len(value) for value in column) for column in columns]
    for row in chain([list(header)], measured, told):
        cells = (value.ljust(width) for value, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _json_lines(header: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    before = "["
    for row in rows:
        item = dict(zip(header, row, strict=True))
        yield f"{before}{json.dumps(item, default=_plain, ensure_ascii=False)}"
        before = ","
    yield "]" if before == "," else "[]"


def _csv_lines(header: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    plain = (["" if value is None else _plain_cell(value) for value in row] for row in rows)
    return (line.removesuffix("\r\n") for line in csv_lines(header, plain))


def _plain_cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, default=_plain, ensure_ascii=False)
    return str(_plain(value))


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_WIDE else f"{text[: MOST_WIDE - 1]}…"

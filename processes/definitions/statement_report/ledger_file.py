"""Reads a ledger file row by row and checks every field; knows nothing of the database."""

import csv
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from processes.definitions.statement_report.models import (
    MONEY_DIGITS,
    Direction,
    Operation,
    Purpose,
)
from processes.definitions.statement_report.request import LARGEST_ID, parse_day

LONGEST_LINE = 10_000  # bytes; a file without line ends must not fill the memory
SHOWN = 60  # characters of a bad value in a message

_AMOUNT = re.compile(rf"-?[0-9]{{1,{MONEY_DIGITS - 2}}}\.[0-9]{{2}}")
_NUMBER = re.compile(r"[0-9]{1,19}")

LedgerRow = tuple[str | int, ...]  # line number, then the fields in the order of COLUMNS


class LedgerError(Exception):
    """The file cannot be loaded; the message says where and what to do."""


class BadLine(LedgerError):
    def __init__(self, line: int, problem: str) -> None:
        super().__init__(
            f"line {line}: {problem}. Nothing was loaded: correct the line, then load again."
        )


def read_rows(path: Path) -> Iterator[LedgerRow]:
    """The rows of the file, each checked; raises LedgerError at the first that is wrong."""
    try:
        with path.open("rb") as file:
            yield from _checked_rows(_records(file))
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerError(f"{path} cannot be read: {reason}. Check the path.") from error


def _checked_rows(records: Iterator[tuple[int, list[str]]]) -> Iterator[LedgerRow]:
    line, header = next(records, (0, []))
    if not header:
        raise LedgerError(f"The file is empty: it needs a first line {','.join(COLUMNS)}.")
    if header != list(COLUMNS):
        raise BadLine(line, f"the columns must be {','.join(COLUMNS)}, not {_shown(header)}")
    for line, fields in records:
        yield _checked_row(line, fields)
    if line == 1:
        raise LedgerError("The file has a header and no transactions.")


def _checked_row(line: int, fields: list[str]) -> LedgerRow:
    if len(fields) != len(COLUMNS):
        raise BadLine(line, f"it must have {len(COLUMNS)} fields, not {len(fields)}")
    for (column, check), value in zip(COLUMNS.items(), fields, strict=True):
        try:
            check(value)
        except ValueError as error:
            raise BadLine(line, f"{column} {error}, not {_shown(value)}") from None
    return line, *fields


def _records(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, fields) of every record; blank lines are passed over."""
    reader = csv.reader(_lines(file), strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadLine(line, f"it is not valid CSV ({error})") from None
        if fields:
            yield line, fields


def _lines(file: BinaryIO) -> Iterator[str]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            raise BadLine(number, f"it is longer than {LONGEST_LINE} bytes")
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadLine(number, "it is not UTF-8 text (save the file as UTF-8)") from None


def _check_id(value: str) -> None:
    if not _NUMBER.fullmatch(value) or not 0 < int(value) <= LARGEST_ID:
        raise ValueError(f"must be a whole number from 1 to {LARGEST_ID}")


def _check_date(value: str) -> None:
    try:
        parse_day(value)
    except ValueError:
        raise ValueError("must be a date as YYYY-MM-DD") from None


def _check_balance(value: str) -> None:
    if not _AMOUNT.fullmatch(value):
        raise ValueError("must be an amount with two decimals such as -1250.00")


def _check_amount(value: str) -> None:
    if not _AMOUNT.fullmatch(value) or Decimal(value) <= 0:
        raise ValueError("must be a positive amount with two decimals such as 1250.00")


def _one_of(choices: list[str], *, or_empty: bool) -> Callable[[str], None]:
    expected = f"must be one of {', '.join(choices)}{' or empty' if or_empty else ''}"
    allowed = {*choices, ""} if or_empty else {*choices}

    def check(value: str) -> None:
        if value not in allowed:
            raise ValueError(expected)

    return check


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


COLUMNS: dict[str, Callable[[str], None]] = {
    "account_id": _check_id,
    "date": _check_date,
    "transaction_id": _check_id,
    "direction": _one_of(Direction.values, or_empty=False),
    "operation": _one_of(Operation.values, or_empty=True),
    "purpose": _one_of(Purpose.values, or_empty=True),
    "amount": _check_amount,
    "balance": _check_balance,
}

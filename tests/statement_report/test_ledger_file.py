"""Every way a ledger file can be wrong, and what the person who loads it is told."""

import re
from pathlib import Path

import pytest

from processes.definitions.statement_report.ledger_file import LedgerError, LedgerRow, read_rows

HEADER = "account_id,date,transaction_id,direction,operation,purpose,amount,balance"
GOOD = "2,1993-02-26,276,CREDIT,CASH_DEPOSIT,,1100.00,1100.00"
FIELDS = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))


def line_with(**changed: str) -> str:
    return ",".join({**FIELDS, **changed}.values())


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.csv"


def rows_of(ledger: Path, content: str | bytes) -> list[LedgerRow]:
    ledger.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_rows(ledger))


def refusal_of(ledger: Path, content: str | bytes) -> str:
    with pytest.raises(LedgerError) as refusal:
        rows_of(ledger, content)
    return str(refusal.value)


def test_a_row_is_read_with_the_number_of_its_line(ledger: Path) -> None:
    assert rows_of(ledger, f"{HEADER}\n{GOOD}\n") == [(2, *FIELDS.values())]


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeff{HEADER}\n{GOOD}\n",
        f"{HEADER}\r\n{GOOD}\r\n",
        f"{HEADER}\n{GOOD}",
        f'{HEADER}\n"2","1993-02-26","276","CREDIT","CASH_DEPOSIT","","1100.00","1100.00"\n',
    ],
    ids=["byte order mark", "CRLF", "no last line end", "quotes"],
)
def test_usual_ways_to_write_csv_are_read_alike(ledger: Path, content: str) -> None:
    assert rows_of(ledger, content) == [(2, *FIELDS.values())]


def test_blank_lines_are_passed_over_and_still_counted(ledger: Path) -> None:
    assert [row[0] for row in rows_of(ledger, f"{HEADER}\n\n{GOOD}\n\n{GOOD}\n\n")] == [3, 5]


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("account_id", "", "must be a whole number from 1"),
        ("account_id", "two", "must be a whole number from 1"),
        ("account_id", "2.0", "must be a whole number from 1"),
        ("account_id", "-2", "must be a whole number from 1"),
        ("account_id", "0", "must be a whole number from 1"),
        ("account_id", "9223372036854775808", "to 9223372036854775807"),
        ("account_id", "٢", "must be a whole number from 1"),
        ("account_id", " 2", "must be a whole number from 1"),
        ("transaction_id", "9" * 5000, "must be a whole number from 1"),
        ("date", "26.02.1993", "must be a date as YYYY-MM-DD"),
        ("date", "1993-02-29", "must be a date as YYYY-MM-DD"),
        ("date", "19930226", "must be a date as YYYY-MM-DD"),
        ("date", "", "must be a date as YYYY-MM-DD"),
        ("direction", "", "must be one of CREDIT, DEBIT, not ''"),
        ("direction", "credit", "must be one of CREDIT, DEBIT, not 'credit'"),
        ("operation", "GIFT", "CASH_DEPOSIT, CASH_WITHDRAWAL, .* or empty, not 'GIFT'"),
        ("purpose", "FUN", "INTEREST, STATEMENT_FEE, .* or empty, not 'FUN'"),
        ("amount", "1100", "must be a positive amount with two decimals"),
        ("amount", "1100.5", "must be a positive amount with two decimals"),
        ("amount", "1100.005", "must be a positive amount with two decimals"),
        ("amount", "0.00", "must be a positive amount with two decimals"),
        ("amount", "-5.00", "must be a positive amount with two decimals"),
        ("amount", "NaN", "must be a positive amount with two decimals"),
        ("amount", "Infinity", "must be a positive amount with two decimals"),
        ("amount", "1e5.00", "must be a positive amount with two decimals"),
        ("amount", "1234567890123.00", "must be a positive amount with two decimals"),
        ("balance", "NaN", "must be an amount with two decimals"),
        ("balance", "+1.00", "must be an amount with two decimals"),
        ("balance", "", "must be an amount with two decimals"),
        ("balance", "1\x00.00", "must be an amount with two decimals"),
    ],
)
def test_a_wrong_field_is_told_with_line_field_and_remedy(
    ledger: Path, field: str, value: str, remedy: str
) -> None:
    refusal = refusal_of(ledger, f"{HEADER}\n{GOOD}\n{line_with(**{field: value})}\n")

    assert refusal.startswith(f"line 3: {field} ")
    assert re.search(remedy, refusal)
    assert "Nothing was loaded" in refusal
    assert len(refusal) < 300


@pytest.mark.parametrize(("column", "value"), [("balance", "-5446.60"), ("operation", "")])
def test_a_negative_balance_and_an_unstated_operation_are_fine(
    ledger: Path, column: str, value: str
) -> None:
    assert len(rows_of(ledger, f"{HEADER}\n{line_with(**{column: value})}\n")) == 1


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "The file is empty"),
        ("\n\n", "The file is empty"),
        (f"{HEADER}\n", "a header and no transactions"),
        (f"{GOOD}\n", "line 1: the columns must be account_id,date,"),
        (f"{HEADER},note\n", "line 1: the columns must be account_id,date,"),
        (HEADER.replace(",", ";"), "line 1: the columns must be account_id,date,"),
        (f"{HEADER}\n{GOOD},extra\n", "line 2: it must have 8 fields, not 9"),
        (f"{HEADER}\n{GOOD}\n2,1993\n", "line 3: it must have 8 fields, not 2"),
        (f'{HEADER}\n{GOOD}\n"2,1993\n{GOOD}\n', "line 3: it is not valid CSV"),
        (f'{HEADER}\n"2"x,{GOOD}\n', "line 2: it is not valid CSV"),
        (f"{HEADER}\n{'x' * 20_000}\n", "line 2: it is longer than 10000 bytes"),
        (f"{HEADER}\n{GOOD}\n".encode() + b"2,\xff\xfe,\n", "line 3: it is not UTF-8 text"),
        (f"{HEADER}\n{GOOD}\n".encode("utf-16"), "line 1: it is not UTF-8 text"),
        (f"{HEADER}\r{GOOD}\r", "line 1: it is not valid CSV"),
    ],
)
def test_a_file_of_the_wrong_form_is_told_with_its_line(
    ledger: Path, content: str | bytes, told: str
) -> None:
    assert told in refusal_of(ledger, content)


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"nowhere\.csv cannot be read: No such file"):
        list(read_rows(tmp_path / "nowhere.csv"))


def test_a_folder_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read: Is a directory"):
        list(read_rows(tmp_path))


def test_rows_are_read_one_at_a_time(ledger: Path) -> None:
    ledger.write_text(f"{HEADER}\n{GOOD}\nrubbish\n")

    rows = read_rows(ledger)

    assert next(rows)[0] == 2
    with pytest.raises(LedgerError, match="line 3"):
        next(rows)

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from processes.definitions.statement_report.demo.story import SAMPLE_LEDGER
from processes.definitions.statement_report.ledger_file import COLUMNS, LedgerError
from processes.definitions.statement_report.loading import LoadedLedger, load_ledger
from processes.definitions.statement_report.models import Account, Transaction

pytestmark = pytest.mark.django_db

FIRST = "2,1993-02-26,276,CREDIT,CASH_DEPOSIT,,1100.00,1100.00"
SECOND = "9,1993-03-01,277,DEBIT,OUTGOING_TRANSFER,HOUSEHOLD,12.30,-12.30"

WriteLedger = Callable[..., Path]


@pytest.fixture
def ledger_of(tmp_path: Path) -> WriteLedger:
    def write(*lines: str) -> Path:
        path = tmp_path / "ledger.csv"
        path.write_text("\n".join([",".join(COLUMNS), *lines]))
        return path

    return write


def test_every_column_arrives_as_it_was(ledger_of: WriteLedger) -> None:
    load_ledger(ledger_of(FIRST, SECOND))

    assert list(Transaction.objects.order_by("pk").values_list(*COLUMNS)) == [
        (2, date(1993, 2, 26), 276, "CREDIT", "CASH_DEPOSIT", "", Decimal(1100), Decimal(1100)),
        (
            9,
            date(1993, 3, 1),
            277,
            "DEBIT",
            "OUTGOING_TRANSFER",
            "HOUSEHOLD",
            Decimal("12.30"),
            Decimal("-12.30"),
        ),
    ]


def test_what_was_loaded_is_counted(ledger_of: WriteLedger) -> None:
    load_ledger(ledger_of(FIRST))

    assert load_ledger(ledger_of(FIRST, SECOND)) == LoadedLedger(
        rows=2, account_ids=[2, 9], new_accounts=1, new_transactions=1
    )


def test_loading_twice_changes_nothing(ledger_of: WriteLedger) -> None:
    load_ledger(ledger_of(FIRST, SECOND))
    before = list(Transaction.objects.order_by("pk").values())

    again = load_ledger(ledger_of(FIRST, SECOND))

    assert (again.new_accounts, again.new_transactions) == (0, 0)
    assert list(Transaction.objects.order_by("pk").values()) == before
    assert Account.objects.count() == 2


def test_a_bad_line_loads_nothing(ledger_of: WriteLedger) -> None:
    with pytest.raises(LedgerError, match="line 3: it must have 8 fields"):
        load_ledger(ledger_of(FIRST, "rubbish"))

    assert not Transaction.objects.exists()
    assert not Account.objects.exists()


def test_a_transaction_that_comes_twice_is_told_with_both_lines(ledger_of: WriteLedger) -> None:
    with pytest.raises(LedgerError, match="line 4: transaction_id 276 was used on line 2"):
        load_ledger(ledger_of(FIRST, SECOND, FIRST))

    assert not Transaction.objects.exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (FIRST.replace("1100.00,", "1100.01,"), "amount '1100.00', here it has '1100.01'"),
        (FIRST.replace("2,", "3,", 1), "account_id 2, here it has 3"),
        (FIRST.replace("CREDIT", "DEBIT"), "direction 'CREDIT', here it has 'DEBIT'"),
    ],
)
def test_a_line_that_contradicts_the_ledger_is_told_with_both_values(
    ledger_of: WriteLedger, changed: str, told: str
) -> None:
    load_ledger(ledger_of(FIRST))

    with pytest.raises(LedgerError, match=f"line 3: transaction_id 276 is .* with {told}"):
        load_ledger(ledger_of(SECOND, changed))

    assert list(Transaction.objects.values_list("pk", "amount")) == [(276, Decimal(1100))]


def test_a_corrected_file_can_be_loaded_after_a_refused_one(ledger_of: WriteLedger) -> None:
    with pytest.raises(LedgerError):
        load_ledger(ledger_of(FIRST, "rubbish"))

    assert load_ledger(ledger_of(FIRST)).new_transactions == 1


def test_the_command_tells_what_it_loaded() -> None:
    out = StringIO()

    call_command("load_ledger", str(SAMPLE_LEDGER), stdout=out)

    assert out.getvalue() == (
        "sample_ledger.csv: 548 transactions of 20 accounts; "
        "new in the ledger: 548 transactions, 20 accounts.\n"
    )


def test_the_command_fails_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("load_ledger", str(tmp_path / "nowhere.csv"))

"""The whole real ledger, to the cent for every account; skipped where it is not at hand."""

import csv
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from processes.definitions.statement_report.aggregation import summarise
from processes.definitions.statement_report.ledger import balance_before, transactions_between
from processes.definitions.statement_report.loading import load_ledger
from processes.definitions.statement_report.shapes import Summary, money_text

REAL_LEDGER = Path(__file__).parents[3] / "shared" / "data" / "berka_transactions.csv"
FIRST_DAY, LAST_DAY = date(1993, 4, 1), date(1994, 3, 31)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not REAL_LEDGER.exists(), reason="the real ledger is not at hand"),
]


def cents(text: str) -> int:
    return int(text.replace(".", ""))


def counted_by_hand() -> dict[int, list[int]]:
    """Opening, credits and debits, in whole cents from the raw file."""
    counted: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    with REAL_LEDGER.open(newline="") as file:
        for row in csv.DictReader(file):
            account, amount = counted[int(row["account_id"])], cents(row["amount"])
            if row["date"] < FIRST_DAY.isoformat():
                account[0] += amount if row["direction"] == "CREDIT" else -amount
            else:
                account[1 if row["direction"] == "CREDIT" else 2] += amount
    return counted


def summary_of(account_id: int) -> Summary:
    opening = money_text(balance_before(account_id, FIRST_DAY))
    return summarise(opening, transactions_between(account_id, FIRST_DAY, LAST_DAY))


def test_every_account_adds_up_to_the_cent_and_the_bank_differs_as_it_is_known_to() -> None:
    load_ledger(REAL_LEDGER)
    counted = counted_by_hand()

    summaries = {account_id: summary_of(account_id) for account_id in counted}

    assert len(summaries) == 1229
    for account_id, (opening, credited, debited) in counted.items():
        summary = {name: cents(text) for name, text in summaries[account_id].items()}
        closing = opening + credited - debited
        assert summary["opening_balance"] == opening, account_id
        assert summary["credits"] == credited, account_id
        assert summary["debits"] == debited, account_id
        assert summary["closing_balance"] == closing, account_id
        assert summary["difference"] == summary["bank_balance"] - closing, account_id
    differences = [abs(Decimal(summary["difference"])) for summary in summaries.values()]
    assert max(differences) == Decimal("332.20")
    assert sum(difference >= Decimal("0.10") for difference in differences) == 631


def test_the_whole_ledger_loads_once_and_again() -> None:
    first, again = load_ledger(REAL_LEDGER), load_ledger(REAL_LEDGER)

    assert (first.rows, first.new_transactions, first.new_accounts) == (49_102, 49_102, 1_229)
    assert (again.rows, again.new_transactions, again.new_accounts) == (49_102, 0, 0)

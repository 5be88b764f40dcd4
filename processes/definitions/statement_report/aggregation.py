"""From transactions to balances and totals: pure decimal arithmetic."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from processes.definitions.statement_report.models import Direction
from processes.definitions.statement_report.shapes import (
    Breakdown,
    DayBalance,
    Summary,
    Total,
    TransactionRow,
    money_text,
)

ZERO = Decimal("0.00")


def summarise(opening_balance: str, transactions: Sequence[TransactionRow]) -> Summary:
    """Opening + credits - debits = closing, beside the bank's own figure.

    There is at least one transaction, and they come in order of date.
    """
    opening = Decimal(opening_balance)
    credited, debited = _sums(transactions)
    closing = opening + credited - debited
    bank = _bank_balance(transactions, closing)
    return Summary(
        opening_balance=money_text(opening),
        credits=money_text(credited),
        debits=money_text(debited),
        closing_balance=money_text(closing),
        bank_balance=money_text(bank),
        difference=money_text(bank - closing),
    )


def break_down(opening_balance: str, transactions: Sequence[TransactionRow]) -> Breakdown:
    return Breakdown(
        by_operation=_totals_by("operation", transactions),
        by_purpose=_totals_by("purpose", transactions),
        daily_balance=_daily_balance(Decimal(opening_balance), transactions),
    )


def _bank_balance(transactions: Sequence[TransactionRow], closing: Decimal) -> Decimal:
    """The bank's own figure at the end of the last day on which money moved.

    Within a day the ledger's order is not the bank's: any of that day's balances may be the
    last one, and the one nearest to ours is taken.
    """
    last_day = transactions[-1]["date"]
    balances = [Decimal(row["balance"]) for row in transactions if row["date"] == last_day]
    return min(balances, key=lambda balance: abs(balance - closing))


def _totals_by(
    field: Literal["operation", "purpose"], transactions: Sequence[TransactionRow]
) -> list[Total]:
    groups: dict[str, list[TransactionRow]] = {}
    for row in transactions:
        groups.setdefault(row[field], []).append(row)
    totals = []
    for name in sorted(groups):
        credited, debited = _sums(groups[name])
        totals.append(Total(name=name, credits=money_text(credited), debits=money_text(debited)))
    return totals


def _daily_balance(balance: Decimal, transactions: Sequence[TransactionRow]) -> list[DayBalance]:
    """The balance at the end of each day; the transactions come in order of date."""
    by_day: dict[str, Decimal] = {}
    for row in transactions:
        balance += _signed(row)
        by_day[row["date"]] = balance
    return [DayBalance(date=day, balance=money_text(at_end)) for day, at_end in by_day.items()]


def _sums(transactions: Sequence[TransactionRow]) -> tuple[Decimal, Decimal]:
    """(credits, debits), both as positive amounts."""
    signed = [_signed(row) for row in transactions]
    credited = sum((amount for amount in signed if amount > 0), ZERO)
    return credited, credited - sum(signed, ZERO)


def _signed(row: TransactionRow) -> Decimal:
    amount = Decimal(row["amount"])
    return amount if row["direction"] == Direction.CREDIT else -amount

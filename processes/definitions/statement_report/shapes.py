"""The JSON that travels between the steps; money is text with two decimals, never a float."""

from decimal import Decimal
from typing import TypedDict


class TransactionRow(TypedDict):
    date: str
    transaction_id: int
    direction: str
    operation: str
    purpose: str
    amount: str
    balance: str


class Summary(TypedDict):
    """``bank_balance`` is what the bank's own books say at the end."""

    opening_balance: str
    credits: str
    debits: str
    closing_balance: str
    bank_balance: str
    difference: str


class Total(TypedDict):
    """What was credited and debited under one operation or purpose; ``name`` may be empty."""

    name: str
    credits: str
    debits: str


class DayBalance(TypedDict):
    date: str
    balance: str


class Breakdown(TypedDict):
    """``daily_balance`` has an entry for every day on which money moved."""

    by_operation: list[Total]
    by_purpose: list[Total]
    daily_balance: list[DayBalance]


def money_text(amount: Decimal) -> str:
    return f"{amount:.2f}"

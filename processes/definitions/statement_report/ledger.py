"""What the steps read from the ledger."""

from datetime import date
from decimal import Decimal

from django.db.models import Case, F, Sum, When

from processes.definitions.statement_report.models import Account, Direction, Transaction
from processes.definitions.statement_report.shapes import TransactionRow, money_text

SIGNED_AMOUNT = Case(When(direction=Direction.CREDIT, then=F("amount")), default=-F("amount"))


def account_exists(account_id: int) -> bool:
    return Account.objects.filter(pk=account_id).exists()


def balance_before(account_id: int, day: date) -> Decimal:
    """The sum of all transactions before ``day``: a ledger starts at nothing."""
    earlier = Transaction.objects.filter(account_id=account_id, date__lt=day)
    total = earlier.aggregate(total=Sum(SIGNED_AMOUNT))["total"]
    return total or Decimal("0.00")


def transactions_between(account_id: int, first: date, last: date) -> list[TransactionRow]:
    """Both days included, in the order of the ledger."""
    rows = Transaction.objects.filter(account_id=account_id, date__range=(first, last)).order_by(
        "date", "transaction_id"
    )
    return [
        TransactionRow(
            date=row.date.isoformat(),
            transaction_id=row.transaction_id,
            direction=row.direction,
            operation=row.operation,
            purpose=row.purpose,
            amount=money_text(row.amount),
            balance=money_text(row.balance),
        )
        for row in rows
    ]

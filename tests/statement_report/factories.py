"""Legal rows and messages of the example, each with no more said than the test needs."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import factory

from processes.bus.handlers import CommandMessage
from processes.definitions.statement_report.aggregation import break_down, summarise
from processes.definitions.statement_report.models import (
    Account,
    Direction,
    Operation,
    Statement,
    Transaction,
)
from processes.definitions.statement_report.shapes import TransactionRow

PERIOD = {"period_from": "2024-01-01", "period_to": "2024-12-31"}


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Account

    account_id = factory.Sequence(lambda number: 1_000 + number)


class TransactionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Transaction

    transaction_id = factory.Sequence(lambda number: 1_000_000 + number)
    account = factory.SubFactory(AccountFactory)
    date = date(2024, 5, 17)
    direction = Direction.CREDIT
    operation = Operation.CASH_DEPOSIT
    purpose = ""
    amount = Decimal("100.00")
    balance = Decimal("100.00")


class StatementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Statement

    process_id = factory.LazyFunction(uuid.uuid4)
    account = factory.SubFactory(AccountFactory)
    period_from = date(2024, 1, 1)
    period_to = date(2024, 12, 31)
    format = "HTML"
    file = factory.Sequence(lambda number: f"statement-{number}.html")
    closing_balance = Decimal("100.00")


def message(**data: Any) -> CommandMessage:
    """A first delivery of a command of some process."""
    return CommandMessage(
        command_id=uuid.uuid4(),
        command_type="StatementTest",
        domain="reporting",
        data={"account_id": 1, **PERIOD, **data},
        correlation_id=uuid.uuid4(),
        attempt=1,
    )


def row(day: str, amount: str, balance: str = "0.00", **fields: Any) -> TransactionRow:
    """A credit for a positive ``amount``, a debit for a negative one."""
    debit = amount.startswith("-")
    return TransactionRow(
        date=day,
        transaction_id=fields.get("transaction_id", 1),
        direction="DEBIT" if debit else "CREDIT",
        operation=fields.get("operation", "CASH_WITHDRAWAL" if debit else "CASH_DEPOSIT"),
        purpose=fields.get("purpose", ""),
        amount=amount.lstrip("-"),
        balance=balance,
    )


def render_data(*rows: TransactionRow, **fields: Any) -> dict[str, Any]:
    """What RENDER gets for these transactions."""
    return {
        "account_id": 1,
        **PERIOD,
        "format": "HTML",
        "summary": summarise("0.00", rows),
        "breakdown": break_down("0.00", rows),
        "transactions": list(rows),
        **fields,
    }

"""What the steps do.  Every one may be delivered twice and then does its work once.

Handlers that write to the database only are transactional; files and e-mail are not, so that a
slow disk or mail server holds no transaction open.
"""

import uuid
from datetime import date
from smtplib import SMTPException
from typing import Any

from processes.bus.errors import (
    BusinessRuleError,
    PermanentCommandError,
    TransientCommandError,
)
from processes.bus.handlers import CommandMessage, command_handler
from processes.definitions.statement_report import ledger, notification, rendering, storage
from processes.definitions.statement_report.aggregation import break_down, summarise
from processes.definitions.statement_report.chaos import with_chaos
from processes.definitions.statement_report.models import Statement
from processes.definitions.statement_report.shapes import money_text

DOMAIN = "reporting"
OUTSIDE_BACKOFF = (1, 2)  # seconds; a disk or mail server hiccup is short, and so is the demo


@command_handler("StatementQuery", domain=DOMAIN, result_fields=("opening_balance", "transactions"))
@with_chaos
def query(message: CommandMessage) -> dict[str, Any]:
    account_id = message.data["account_id"]
    first, last = _period(message)
    if not ledger.account_exists(account_id):
        raise PermanentCommandError(
            "UNKNOWN_ACCOUNT",
            f"The ledger has no account {account_id}: load its transactions, then retry.",
        )
    transactions = ledger.transactions_between(account_id, first, last)
    if not transactions:
        raise BusinessRuleError(
            "NO_TRANSACTIONS", f"Account {account_id} has no transactions from {first} to {last}."
        )
    opening = ledger.balance_before(account_id, first)
    return {"opening_balance": money_text(opening), "transactions": transactions}


@command_handler("StatementDataAggregation", domain=DOMAIN, result_fields=("summary", "breakdown"))
@with_chaos
def aggregate(message: CommandMessage) -> dict[str, Any]:
    opening, transactions = message.data["opening_balance"], message.data["transactions"]
    return {
        "summary": summarise(opening, transactions),
        "breakdown": break_down(opening, transactions),
    }


@command_handler(
    "StatementRender",
    domain=DOMAIN,
    transactional=False,
    backoff=OUTSIDE_BACKOFF,
    result_fields=("file",),
)
@with_chaos
def render(message: CommandMessage) -> dict[str, Any]:
    name = rendering.file_name(message.data, _process_id(message))
    content = rendering.render_statement(message.data)
    try:
        storage.write_statement(name, content)
    except OSError as error:
        raise TransientCommandError(
            "DISK_NOT_WRITABLE", f"The statement {name} could not be written: {error}"
        ) from error
    return {"file": name}


@command_handler(
    "StatementDeleteRender", domain=DOMAIN, transactional=False, backoff=OUTSIDE_BACKOFF
)
@with_chaos
def delete_render(message: CommandMessage) -> None:
    try:
        storage.remove_statement(message.data["file"])
    except storage.UnsafeFileName as error:
        raise PermanentCommandError("UNSAFE_FILE_NAME", str(error)) from error
    except OSError as error:
        raise TransientCommandError(
            "DISK_NOT_WRITABLE", f"The statement could not be removed: {error}"
        ) from error


@command_handler("StatementRegister", domain=DOMAIN)
@with_chaos
def register(message: CommandMessage) -> dict[str, Any]:
    first, last = _period(message)
    entry, _ = Statement.objects.get_or_create(
        process_id=_process_id(message),
        defaults={
            "account_id": message.data["account_id"],
            "period_from": first,
            "period_to": last,
            "format": message.data["format"],
            "file": message.data["file"],
            "closing_balance": message.data["summary"]["closing_balance"],
        },
    )
    return {"statement_id": entry.pk}


@command_handler("StatementDeregister", domain=DOMAIN)
@with_chaos
def deregister(message: CommandMessage) -> None:
    Statement.objects.filter(process_id=_process_id(message)).delete()


@command_handler("StatementNotify", domain=DOMAIN, transactional=False, backoff=OUTSIDE_BACKOFF)
@with_chaos
def notify(message: CommandMessage) -> dict[str, Any]:
    mail = notification.statement_mail(message.data, message.command_id)
    try:
        mail.send()
    except (OSError, SMTPException) as error:
        raise TransientCommandError(
            "MAIL_NOT_SENT", f"The mail server did not take the message: {error}"
        ) from error
    return {"recipient": mail.to[0], "message_id": mail.extra_headers["Message-ID"]}


def _period(message: CommandMessage) -> tuple[date, date]:
    """First and last day; an operator never types these, so they are as the process wrote them."""
    return (
        date.fromisoformat(message.data["period_from"]),
        date.fromisoformat(message.data["period_to"]),
    )


def _process_id(message: CommandMessage) -> uuid.UUID:
    """The process a statement belongs to; a command sent by hand stands for itself."""
    return message.correlation_id or message.command_id

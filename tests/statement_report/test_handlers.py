"""Each handler: what it does, that doing it twice is doing it once, and how it fails."""

import uuid
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from processes.bus.errors import (
    BusinessRuleError,
    PermanentCommandError,
    TransientCommandError,
)
from processes.bus.handlers import find_handler
from processes.definitions.statement_report import handlers, storage
from processes.definitions.statement_report.models import Statement
from tests.statement_report.factories import (
    AccountFactory,
    StatementFactory,
    TransactionFactory,
    message,
    render_data,
    row,
)

SUMMARY = {"closing_balance": "12.34"}


@pytest.mark.django_db
def test_query_gives_the_periods_transactions_in_the_order_of_the_ledger() -> None:
    account = AccountFactory()
    days = [(3, date(2024, 12, 31)), (2, date(2024, 1, 1)), (1, date(2024, 12, 31))]
    for number, day in days:
        TransactionFactory(account=account, transaction_id=number, date=day)
    TransactionFactory(account=account, date=date(2025, 1, 1))
    TransactionFactory(date=date(2024, 6, 1))  # of another account

    result = handlers.query(message(account_id=account.pk))

    assert result
    assert [t["transaction_id"] for t in result["transactions"]] == [2, 1, 3]
    assert result["transactions"][0] == {
        "date": "2024-01-01",
        "transaction_id": 2,
        "direction": "CREDIT",
        "operation": "CASH_DEPOSIT",
        "purpose": "",
        "amount": "100.00",
        "balance": "100.00",
    }


@pytest.mark.django_db
def test_query_opens_with_the_sum_of_all_earlier_transactions() -> None:
    account = AccountFactory()
    TransactionFactory(account=account, date=date(2023, 1, 1), amount=Decimal("500.10"))
    TransactionFactory(
        account=account, date=date(2023, 12, 31), amount=Decimal("0.20"), direction="DEBIT"
    )
    TransactionFactory(account=account)

    result = handlers.query(message(account_id=account.pk))

    assert result
    assert result["opening_balance"] == "499.90"


@pytest.mark.django_db
def test_query_parks_an_unknown_account() -> None:
    with pytest.raises(PermanentCommandError) as error:
        handlers.query(message(account_id=404))

    assert error.value.code == "UNKNOWN_ACCOUNT"


@pytest.mark.django_db
def test_query_refuses_a_period_without_transactions() -> None:
    account = TransactionFactory(date=date(2023, 6, 1)).account

    with pytest.raises(BusinessRuleError) as error:
        handlers.query(message(account_id=account.pk))

    assert error.value.code == "NO_TRANSACTIONS"


def test_aggregate_gives_summary_and_breakdown() -> None:
    rows = [row("2024-03-01", "70.00", "70.00"), row("2024-03-02", "-20.50", "49.50")]

    result = handlers.aggregate(message(opening_balance="10.00", transactions=rows))

    assert result
    assert result["summary"]["closing_balance"] == "59.50"
    assert result["summary"]["difference"] == "-10.00"
    assert [day["balance"] for day in result["breakdown"]["daily_balance"]] == ["80.00", "59.50"]


@pytest.mark.parametrize("wanted", ["HTML", "CSV"])
def test_render_writes_the_statement_once_however_often_it_runs(folder: Path, wanted: str) -> None:
    command = message(**render_data(row("2024-03-01", "70.00"), format=wanted))

    first, second = handlers.render(command), handlers.render(command)

    assert first == second
    assert first
    assert [path.name for path in folder.iterdir()] == [first["file"]]
    assert str(command.correlation_id) in first["file"]
    assert "70.00" in (folder / first["file"]).read_text()


def test_render_is_tried_again_when_the_disk_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "statements").write_text("in the way of the folder")

    with pytest.raises(TransientCommandError) as error:
        handlers.render(message(**render_data(row("2024-03-01", "70.00"))))

    assert error.value.code == "DISK_NOT_WRITABLE"


def test_delete_render_removes_the_file_and_does_not_mind_its_absence(folder: Path) -> None:
    storage.write_statement("statement.html", "content")

    for _ in range(2):
        assert handlers.delete_render(message(file="statement.html")) is None

    assert list(folder.iterdir()) == []


def test_delete_render_is_tried_again_when_the_disk_refuses(folder: Path) -> None:
    (folder / "statement.html").mkdir(parents=True)  # cannot be unlinked

    with pytest.raises(TransientCommandError) as error:
        handlers.delete_render(message(file="statement.html"))

    assert error.value.code == "DISK_NOT_WRITABLE"


def test_delete_render_never_leaves_its_folder(tmp_path: Path) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_text("keep")

    with pytest.raises(PermanentCommandError) as error:
        handlers.delete_render(message(file="../treasure"))

    assert error.value.code == "UNSAFE_FILE_NAME"
    assert treasure.exists()


@pytest.mark.django_db
def test_register_enters_the_statement_once_however_often_it_runs() -> None:
    account = AccountFactory()
    command = message(account_id=account.pk, format="CSV", file="s.csv", summary=SUMMARY)

    first, second = handlers.register(command), handlers.register(command)

    entry = Statement.objects.get()
    assert first == second == {"statement_id": entry.pk}
    assert entry.process_id == command.correlation_id
    assert (entry.account, entry.format, entry.file) == (account, "CSV", "s.csv")
    assert (entry.period_from, entry.period_to) == (date(2024, 1, 1), date(2024, 12, 31))
    assert entry.closing_balance == Decimal("12.34")


@pytest.mark.django_db
def test_deregister_takes_out_only_its_own_entry_and_does_not_mind_its_absence() -> None:
    mine, other = StatementFactory(), StatementFactory()
    command = replace(message(), correlation_id=mine.process_id)

    for _ in range(2):
        assert handlers.deregister(command) is None

    assert list(Statement.objects.all()) == [other]


def test_notify_writes_to_the_customer() -> None:
    result = handlers.notify(message(account_id=7, file="s.html", summary=SUMMARY))

    (letter,) = mail.outbox
    assert letter.to == ["account-7@customers.example"]
    assert "account 7" in letter.subject
    assert "12.34" in letter.body
    assert "s.html" in letter.body
    assert result == {
        "recipient": "account-7@customers.example",
        "message_id": letter.message()["Message-ID"],
    }


def test_notify_keeps_its_message_id_when_delivered_again() -> None:
    command = message(file="s.html", summary=SUMMARY)

    handlers.notify(command)
    handlers.notify(replace(command, attempt=2))
    handlers.notify(replace(command, command_id=uuid.uuid4()))

    first, again, another = (letter.message()["Message-ID"] for letter in mail.outbox)
    assert first == again != another


@pytest.mark.parametrize(
    "failure", [ConnectionRefusedError("no one there"), SMTPServerDisconnected("gone")]
)
def test_notify_is_tried_again_when_the_mail_server_fails(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: EmailMessage, **options: Any) -> int:
        raise failure

    monkeypatch.setattr(EmailMessage, "send", fail)

    with pytest.raises(TransientCommandError) as error:
        handlers.notify(message(file="s.html", summary=SUMMARY))

    assert error.value.code == "MAIL_NOT_SENT"


@pytest.mark.parametrize(
    ("command_type", "transactional"),
    [
        ("StatementQuery", True),
        ("StatementDataAggregation", True),
        ("StatementRender", False),
        ("StatementDeleteRender", False),
        ("StatementRegister", True),
        ("StatementDeregister", True),
        ("StatementNotify", False),
    ],
)
def test_only_database_work_runs_inside_the_settling_transaction(
    command_type: str, transactional: bool
) -> None:
    handler = find_handler("reporting", command_type)

    assert handler
    assert handler.transactional is transactional

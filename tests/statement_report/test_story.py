"""The example from start to end, on the real bus and engine, in this process."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from processes.bus.errors import InvalidProcessData
from processes.bus.models import Command
from processes.definitions.statement_report.models import Account, EndedOutage, Statement
from processes.engine import start_process
from processes.models import Process
from processes.worker import run_until_idle
from tests.statement_report.factories import AccountFactory, TransactionFactory
from tests.support.clock import DatabaseClock
from tsq.operations import cancel, complete, retry

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account = AccountFactory()
    TransactionFactory(account=account, date=date(2023, 7, 1))
    TransactionFactory(account=account, date=date(2024, 7, 1))
    return account


def start(account: Account, **fields: Any) -> Process:
    data = {"account_id": account.pk, "from": "2024-01-01", "to": "2024-12-31", "format": "HTML"}
    return start_process("StatementReport", {**data, **fields})


def work_for_an_hour(clock: DatabaseClock) -> None:
    """Work until idle, with all retries that fall due within an hour."""
    for _ in range(4):
        run_until_idle()
        clock.advance(20 * 60)


def parked() -> Command:
    return Command.objects.parked().get()


def trail(process: Process) -> list[tuple[str, str | None]]:
    return list(process.steps.order_by("sequence").values_list("step", "outcome"))


def status(process: Process) -> str:
    return Process.objects.get(pk=process.pk).status


def test_a_statement_is_rendered_registered_and_announced(account: Account, folder: Path) -> None:
    process = start(account)

    run_until_idle()

    assert status(process) == "COMPLETED"
    entry = Statement.objects.get()
    assert entry.process_id == process.id
    assert str(entry.closing_balance) == "200.00"
    assert [path.name for path in folder.iterdir()] == [entry.file]
    assert [letter.to for letter in mail.outbox] == [[f"account-{account.pk}@customers.example"]]


def test_a_notify_that_was_parked_and_cancelled_is_undone_latest_first(
    account: Account, folder: Path, clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: EmailMessage, **options: Any) -> int:
        raise ConnectionRefusedError("no mail server")

    monkeypatch.setattr(EmailMessage, "send", refuse)
    process = start(account)
    work_for_an_hour(clock)
    assert status(process) == "WAITING_FOR_TSQ"
    assert (parked().command_type, parked().attempts) == ("StatementNotify", 3)
    assert parked().last_error_code == "MAIL_NOT_SENT"
    assert len(list(folder.iterdir())) == Statement.objects.count() == 1

    cancel(parked().id, operator="olga", reason="The customer has left")
    run_until_idle()

    assert status(process) == "COMPENSATED"
    assert trail(process) == [
        ("QUERY", "SUCCESS"),
        ("AGGREGATE", "SUCCESS"),
        ("RENDER", "SUCCESS"),
        ("REGISTER", "SUCCESS"),
        ("NOTIFY", "CANCELED"),
        ("DEREGISTER", "SUCCESS"),
        ("DELETE_RENDER", "SUCCESS"),
    ]
    assert list(folder.iterdir()) == []
    assert not Statement.objects.exists()


def test_a_retry_succeeds_once_the_outage_has_ended(
    account: Account, folder: Path, clock: DatabaseClock
) -> None:
    chaos = {"seed": 7, "outage": "disk", "RENDER": {"transient": 100}}
    process = start(account, chaos=chaos)
    work_for_an_hour(clock)
    assert parked().last_error_code == "CHAOS_TRANSIENT"

    EndedOutage.objects.create(name="disk")
    retry(parked().id, operator="olga")
    run_until_idle()

    assert status(process) == "COMPLETED"
    assert len(list(folder.iterdir())) == 1


def test_what_an_operator_completes_with_is_what_the_next_steps_use(
    account: Account, folder: Path
) -> None:
    chaos = {"seed": 7, "RENDER": {"permanent": 100}}
    process = start(account, chaos=chaos)
    run_until_idle()

    complete(parked().id, operator="olga", result_data={"file": "made-by-hand.html"})
    run_until_idle()

    assert status(process) == "COMPLETED"
    assert Statement.objects.get().file == "made-by-hand.html"
    assert "made-by-hand.html" in mail.outbox[0].body


def test_a_period_without_transactions_fails_the_process_with_its_reason(account: Account) -> None:
    process = start(account, **{"from": "2020-01-01", "to": "2020-12-31"})

    run_until_idle()

    process = Process.objects.get(pk=process.pk)
    assert (process.status, process.error_code) == ("FAILED", "NO_TRANSACTIONS")
    assert not Command.objects.parked().exists()


def test_an_unknown_account_waits_for_the_operator() -> None:
    process = start(Account(account_id=404))

    run_until_idle()

    assert status(process) == "WAITING_FOR_TSQ"
    assert parked().last_error_code == "UNKNOWN_ACCOUNT"


def test_wrong_data_starts_nothing() -> None:
    with pytest.raises(InvalidProcessData, match="format must be HTML or CSV, not 'PDF'"):
        start(Account(account_id=1), format="PDF")

    assert not Process.objects.exists()
    assert not Command.objects.exists()

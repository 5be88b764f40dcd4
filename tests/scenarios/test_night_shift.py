"""A night shift: a bank is down, 5,000 payments are parked, and an engineer repairs them over ssh.

The runbook in ``docs/runbook.md`` tells the same story.
"""

import uuid
from collections import Counter

import pytest

from processes.bus.errors import PermanentCommandError
from processes.bus.handlers import CommandMessage
from processes.engine import start_processes
from processes.models import OperatorAction, Process
from processes.worker import run_until_idle
from tests.support.commands import manage
from tests.support.three_steps import PROCESS_TYPE, Story, ThreeStep
from tsq.models import BulkOperation, TsqEntry

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS, CLOSED = 5_000, 2_000
RATE = 2_000
JSON = ("--format", "json")


class Bank:
    """Down for all at first; then for those whose account is closed."""

    is_down = True

    def pay(self, message: CommandMessage) -> None:
        if message.data["results"]["A"]["is_closed"]:
            raise PermanentCommandError("ACCOUNT_CLOSED", "The account is closed.")
        if self.is_down:
            raise PermanentCommandError("BANK_DOWN", "The bank does not answer.")


@pytest.fixture
def bank(story: Story) -> Bank:
    """Reserve (A), then pay (B); a payment that is canceled gives the reservation back."""
    bank = Bank()
    closed = set(_ids()[:CLOSED])
    story.manager.get_next_step = lambda *decided: ThreeStep.B if "A" in decided else None
    story.on("A", lambda message: {"is_closed": message.correlation_id in closed})
    story.on("B", bank.pay)
    start_processes(PROCESS_TYPE, [{}] * PAYMENTS, _ids())
    run_until_idle()
    return bank


def _ids() -> list[uuid.UUID]:
    return [uuid.UUID(int=number) for number in range(1, PAYMENTS + 1)]


def statuses() -> dict[str, int]:
    return dict(Counter(Process.objects.values_list("status", flat=True)))


def test_the_night_shift(story: Story, bank: Bank):
    assert manage("commandbus", "status", *JSON).rows["open_entries"] == PAYMENTS
    groups = {row["error_code"]: row for row in manage("tsq", "groups", *JSON).rows}
    counts = {code: group["count"] for code, group in groups.items()}
    assert counts == {"BANK_DOWN": PAYMENTS - CLOSED, "ACCOUNT_CLOSED": CLOSED}

    down = groups["BANK_DOWN"]["fingerprint"]
    shown = manage("tsq", "retry", "--fingerprint", down)
    assert (shown.code, TsqEntry.objects.count()) == (1, PAYMENTS)
    assert f"TSQ entries to retry: {PAYMENTS - CLOSED}" in shown.err

    bank.is_down = False
    chosen = ("--yes", "--operator", "ann", *JSON)
    retried = manage("tsq", "retry", "--fingerprint", down, "--rate", RATE, *chosen)
    assert (retried.code, len(retried.rows)) == (0, PAYMENTS - CLOSED)
    operation = BulkOperation.objects.get()
    seconds = (operation.finished_at - operation.created_at).total_seconds()
    assert (PAYMENTS - CLOSED) / seconds < RATE * 1.5  # the last chunk is not waited for

    why = "closed accounts; told the customers"
    canceled = manage("tsq", "cancel", "--error-code", "ACCOUNT_CLOSED", "--reason", why, *chosen)
    assert (canceled.code, len(canceled.rows)) == (0, CLOSED)
    assert {row["outcome"] for row in retried.rows + canceled.rows} == {"DONE"}

    run_until_idle()
    assert not TsqEntry.objects.exists()
    assert statuses() == {"COMPLETED": PAYMENTS - CLOSED, "COMPENSATED": CLOSED}
    assert story.steps_run.count("UNDO_A") == CLOSED
    told = Counter(
        OperatorAction.objects.resolutions().values_list("action", "operator", "channel", "reason")
    )
    assert told == {
        ("retry", "ann", "cli", ""): PAYMENTS - CLOSED,
        ("cancel", "ann", "cli", why): CLOSED,
    }
    check = manage("processes", "check")
    assert (check.code, check.out.splitlines()[-1]) == (0, "all invariants hold")

"""What was confirmed is done to each row for itself; several entries of the list make a draft."""

import pytest

from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.support.behaviours import permanent, succeed
from tests.support.console import told
from tests.support.three_steps import Story
from tsq import operations
from tsq.models import BulkOperation, TsqEntry

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(db, story: Story) -> list[TsqEntry]:
    """Four parked at step C, whose handler would succeed the next time."""
    story.on("C", permanent("DISK_FULL", "No space left"))
    story.start_many(4)
    run_until_idle()
    story.on("C", succeed())
    return list(TsqEntry.objects.order_by("pk"))


def select(console, verb, entries, **more):
    ids = [str(entry.pk) for entry in entries]
    data = {"action": verb, "index": "0", "_selected_action": ids} | more
    return console.client.post("/admin/tsq/tsqentry/", data)


def pairs(entries) -> str:
    return " ".join(f"{entry.pk}:{entry.deliveries}" for entry in entries)


@pytest.mark.parametrize(
    ("verb", "done", "status"),
    [
        ("retry", "3 retried", ProcessStatus.COMPLETED),
        ("complete", "3 completed", ProcessStatus.COMPLETED),
        ("cancel", "3 canceled", ProcessStatus.COMPENSATED),
    ],
)
def test_it_is_done_to_each_one_chosen(console, entries, verb, done, status):
    response = console.submit(f"tsq_tsqentry_{verb}", chosen=pairs(entries[:3]), reason="x")
    assert told(response) == [done]
    run_until_idle()
    assert Process.objects.filter(status=status).count() == 3
    assert list(TsqEntry.objects.all()) == [entries[3]]


def test_the_actions_of_one_selection_carry_one_request_id(console, entries):
    console.submit("tsq_tsqentry_retry", chosen=pairs(entries))
    assert OperatorAction.objects.count() == 4
    assert OperatorAction.objects.values("request_id").distinct().count() == 1


def test_one_resolved_meanwhile_is_skipped_and_told(console, entries):
    operations.cancel(entries[1].pk, operator="bob", reason="no use")
    (message,) = told(console.submit("tsq_tsqentry_retry", chosen=pairs(entries)))
    assert message.startswith(
        "3 retried, 1 skipped: The command is no longer in the TSQ; it is CANCELED (cancel by bob"
    )
    assert not TsqEntry.objects.exists()
    assert OperatorAction.objects.filter(command=entries[1]).count() == 1


def test_one_parked_anew_meanwhile_is_skipped(console, entries, story: Story):
    story.on("C", permanent("OTHER", "another error"))
    operations.retry(entries[0].pk, operator="bob")
    run_until_idle()
    (message,) = told(console.submit("tsq_tsqentry_cancel", chosen=pairs(entries), reason="x"))
    assert message.startswith("3 canceled, 1 skipped: The command was parked anew since you looked")
    assert list(TsqEntry.objects.all()) == [entries[0]]


def test_a_form_that_is_not_right_keeps_what_was_seen(console, entries):
    again = console.submit("tsq_tsqentry_complete", chosen=pairs(entries), result_data="{")
    assert again.context["form"]["chosen"].value() == pairs(entries)
    assert "Complete 4 TSQ entries" in again.content.decode()
    assert TsqEntry.objects.count() == 4


def test_when_all_have_moved_on_nothing_is_asked(console, entries):
    operations.retry(entries[0].pk, operator="bob")
    response = select(console, "retry", entries[:1])
    assert response.status_code == 302
    assert told(response) == ["Nothing selected is still waiting; nothing was changed."]


def test_one_row_is_asked_for_directly(console, entries):
    text = select(console, "cancel", entries[:1]).content.decode()
    assert "Cancel 1 TSQ entry" in text
    assert pairs(entries[:1]) in text


def test_several_rows_become_a_draft(console, entries):
    response = select(console, "cancel", entries[:3])
    draft = BulkOperation.objects.get()
    assert response.url == f"/admin/tsq/bulkoperation/{draft.pk}/confirm/"
    assert draft.items.count() == 3
    assert TsqEntry.objects.count() == 4
    assert not OperatorAction.objects.exists()

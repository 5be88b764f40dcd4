"""A selection: one confirmation page for all, then each entry for itself."""

import pytest

from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.support.behaviours import permanent, succeed
from tests.support.console import told
from tests.support.three_steps import Story
from tsq import forms, operations
from tsq.admin import resolving
from tsq.models import TsqEntry

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


def pairs(response) -> str:
    return response.context["form"]["chosen"].value()


def test_the_confirmation_page_lists_what_was_chosen_and_changes_nothing(console, entries):
    response = select(console, "cancel", entries[:3])
    text = response.content.decode()
    assert "Cancel 3 TSQ entries" in text
    assert set(pairs(response).split()) == {f"{e.pk}:{e.deliveries}" for e in entries[:3]}
    assert all(str(entry.pk) in text for entry in entries[:3])
    assert str(entries[3].pk) not in text
    assert text.count("UNDO_B") == text.count("UNDO_A") == 3
    assert TsqEntry.objects.count() == 4
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize(
    ("verb", "done", "status"),
    [
        ("retry", "3 retried", ProcessStatus.COMPLETED),
        ("complete", "3 completed", ProcessStatus.COMPLETED),
        ("cancel", "3 canceled", ProcessStatus.COMPENSATED),
    ],
)
def test_it_is_done_to_each_one_chosen(console, entries, verb, done, status):
    asked = select(console, verb, entries[:3])
    response = console.submit(f"tsq_tsqentry_{verb}", chosen=pairs(asked), reason="x")
    assert told(response) == [done]
    run_until_idle()
    assert Process.objects.filter(status=status).count() == 3
    assert list(TsqEntry.objects.all()) == [entries[3]]


def test_the_actions_of_one_selection_carry_one_request_id(console, entries):
    console.submit("tsq_tsqentry_retry", chosen=pairs(select(console, "retry", entries)))
    assert OperatorAction.objects.count() == 4
    assert OperatorAction.objects.values("request_id").distinct().count() == 1


def test_one_resolved_meanwhile_is_skipped_and_told(console, entries):
    asked = select(console, "retry", entries)
    operations.cancel(entries[1].pk, operator="bob", reason="no use")
    (message,) = told(console.submit("tsq_tsqentry_retry", chosen=pairs(asked)))
    assert message.startswith(
        "3 retried, 1 skipped: The command is no longer in the TSQ; it is CANCELED (cancel by bob"
    )
    assert not TsqEntry.objects.exists()
    assert OperatorAction.objects.filter(command=entries[1]).count() == 1


def test_one_parked_anew_meanwhile_is_skipped(console, entries, story: Story):
    asked = select(console, "cancel", entries)
    story.on("C", permanent("OTHER", "another error"))
    operations.retry(entries[0].pk, operator="bob")
    run_until_idle()
    (message,) = told(console.submit("tsq_tsqentry_cancel", chosen=pairs(asked), reason="x"))
    assert message.startswith("3 canceled, 1 skipped: The command was parked anew since you looked")
    assert list(TsqEntry.objects.all()) == [entries[0]]


def test_a_form_that_is_not_right_keeps_what_was_seen(console, entries):
    asked = select(console, "complete", entries)
    again = console.submit("tsq_tsqentry_complete", chosen=pairs(asked), result_data="{")
    assert pairs(again) == pairs(asked)
    assert "Complete 4 TSQ entries" in again.content.decode()
    assert TsqEntry.objects.count() == 4


def test_when_all_have_moved_on_nothing_is_asked(console, entries):
    operations.retry(entries[0].pk, operator="bob")
    response = select(console, "retry", entries[:1])
    assert response.status_code == 302
    assert told(response) == ["Nothing selected is still waiting; nothing was changed."]


def test_all_that_match_the_filter_can_be_chosen(console, entries):
    response = select(console, "retry", entries[:1], select_across="1")
    assert len(pairs(response).split()) == 4


def test_too_many_at_once_are_refused(console, entries, monkeypatch):
    monkeypatch.setattr(resolving, "MOST_CHOSEN", 3)
    monkeypatch.setattr(forms, "MOST_CHOSEN", 3)
    response = select(console, "retry", entries)
    assert told(response) == ["Choose at most 3 at a time."]
    assert TsqEntry.objects.count() == 4


def test_a_long_selection_shows_the_first_ones(console, entries, monkeypatch):
    monkeypatch.setattr(resolving, "MOST_SHOWN", 3)
    response = select(console, "retry", entries)
    assert response.content.decode().count("DISK_FULL") == 3
    assert "… and 1 more." in response.content.decode()
    assert len(pairs(response).split()) == 4

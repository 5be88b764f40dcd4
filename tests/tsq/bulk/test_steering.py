"""Pause, resume, stop and retry the failures, also while a chunk runs."""

from datetime import timedelta

import pytest

from processes.audit import Operator
from processes.bus.errors import NotFound
from processes.models import OperatorAction
from processes.states import OperatorVerb
from tests.tsq.bulk.conftest import draft, next_chunk, outcomes, park, queued, stored
from tests.tsq.bulk.test_running import DONE, OPEN, at_chunk, failing
from tsq import bulk
from tsq.bulk import running
from tsq.bulk.access import authority_of
from tsq.models import BulkItem, BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

pytestmark = pytest.mark.django_db


def test_a_draft_is_not_run_before_it_is_confirmed(entries):
    operation = draft()
    assert next_chunk(operation) == 0
    assert queued() == 0
    assert outcomes(operation) == [OPEN] * 5


def test_a_paused_one_waits_and_a_resumed_one_goes_on(started):
    operation = started()
    bulk.pause(operation.pk)
    assert next_chunk(operation) == 0
    before = queued()
    bulk.resume(operation.pk)
    assert queued() == before + 1
    assert next_chunk(operation) == 5
    assert stored(operation).status == BulkStatus.FINISHED


@pytest.mark.parametrize(
    ("act", "status"), [(bulk.pause, BulkStatus.PAUSED), (bulk.stop, BulkStatus.STOPPED)]
)
def test_it_ends_after_the_chunk_at_hand(started, monkeypatch, act, status):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()
    at_chunk(monkeypatch, 1, lambda: act(operation.pk))
    assert next_chunk(operation) == 2
    assert next_chunk(operation) == 0
    assert outcomes(operation) == [DONE, DONE, OPEN, OPEN, OPEN]
    assert stored(operation).status == status
    assert queued() == 1  # what confirming queued: no next turn


def test_held_before_its_items_are_locked_a_chunk_does_nothing(started):
    operation = started()
    taken = running._take(operation.pk, operation.available_at)
    bulk.pause(operation.pk)
    assert running._run_items(taken, authority_of(taken)) == 0
    assert outcomes(operation) == [OPEN] * 5
    assert not OperatorAction.objects.exists()


def test_one_paused_and_resumed_during_a_chunk_goes_on_in_one_line(started, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()

    def pause_and_resume():
        bulk.pause(operation.pk)
        bulk.resume(operation.pk)

    at_chunk(monkeypatch, 1, pause_and_resume)
    assert [next_chunk(operation) for _ in range(3)] == [2, 2, 1]
    assert outcomes(operation) == [DONE] * 5
    assert OperatorAction.objects.count() == 5


def test_a_stopped_one_stays_stopped(started):
    operation = started()
    stopped = bulk.stop(operation.pk)
    assert stopped.finished_at is not None
    for act in (bulk.resume, bulk.pause, bulk.stop, bulk.retry_failures):
        with pytest.raises(bulk.BulkMovedOn):
            act(operation.pk)
    assert next_chunk(operation) == 0
    assert stored(operation).status == BulkStatus.STOPPED
    assert TsqEntry.objects.count() == 5


def test_failures_are_retried_and_nothing_else(started, entries):
    operation = started()
    with failing(entries[1].pk):
        next_chunk(operation)
    again = bulk.retry_failures(operation.pk)
    assert (again.status, again.finished_at) == (BulkStatus.RUNNING, None)
    assert outcomes(operation) == [DONE, OPEN, DONE, DONE, DONE]
    assert next_chunk(operation) == 1
    assert outcomes(operation) == [DONE] * 5
    assert OperatorAction.objects.count() == 5


def test_without_failures_there_is_nothing_to_retry(started):
    operation = started()
    next_chunk(operation)
    with pytest.raises(bulk.BulkMovedOn, match="No item has failed"):
        bulk.retry_failures(operation.pk)
    assert stored(operation).status == BulkStatus.FINISHED


def test_what_does_not_exist_cannot_be_steered(started):
    operation = started()
    BulkOperation.objects.all().delete()
    with pytest.raises(NotFound):
        bulk.pause(operation.pk)


def test_old_drafts_are_discarded_and_nothing_else(started, clock):
    confirmed = started()
    old = draft()
    clock.advance(timedelta(days=1, seconds=1).total_seconds())
    park(1)
    fresh = draft()
    bulk.discard_old_drafts()
    assert set(BulkOperation.objects.values_list("pk", flat=True)) == {confirmed.pk, fresh.pk}
    assert not BulkItem.objects.filter(operation=old.pk).exists()
    assert confirmed.items.count() == 5


def test_nothing_chosen_is_an_empty_draft(db):
    by = Operator("ann")
    assert bulk.choose(OperatorVerb.RETRY, TsqEntry.objects.none(), by, {}).size == 0

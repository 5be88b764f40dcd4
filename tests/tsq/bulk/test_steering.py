"""Pause, resume, stop and retry the failures, also while a chunk runs."""

from datetime import timedelta

import pytest

from processes.audit import Operator, OperatorRequired
from processes.bus.errors import NotFound
from processes.models import OperatorAction
from processes.states import OperatorVerb, SubjectKind
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
    bulk.pause(operation.pk, operator="ann")
    assert next_chunk(operation) == 0
    before = queued()
    bulk.resume(operation.pk, operator="ann")
    assert queued() == before + 1
    assert next_chunk(operation) == 5
    assert stored(operation).status == BulkStatus.FINISHED


@pytest.mark.parametrize(
    ("act", "status"), [(bulk.pause, BulkStatus.PAUSED), (bulk.stop, BulkStatus.STOPPED)]
)
def test_it_ends_after_the_chunk_at_hand(started, monkeypatch, act, status):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()
    at_chunk(monkeypatch, 1, lambda: act(operation.pk, operator="ann"))
    assert next_chunk(operation) == 2
    assert next_chunk(operation) == 0
    assert outcomes(operation) == [DONE, DONE, OPEN, OPEN, OPEN]
    assert stored(operation).status == status
    assert queued() == 1  # what confirming queued: no next turn


def test_held_before_its_items_are_locked_a_chunk_does_nothing(started):
    operation = started()
    taken = running._take(operation.pk, operation.available_at)
    bulk.pause(operation.pk, operator="ann")
    assert running._run_items(taken, authority_of(taken)) == 0
    assert outcomes(operation) == [OPEN] * 5
    assert not OperatorAction.objects.resolutions().exists()


def test_one_paused_and_resumed_during_a_chunk_goes_on_in_one_line(started, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()

    def pause_and_resume():
        bulk.pause(operation.pk, operator="ann")
        bulk.resume(operation.pk, operator="ann")

    at_chunk(monkeypatch, 1, pause_and_resume)
    assert [next_chunk(operation) for _ in range(3)] == [2, 2, 1]
    assert outcomes(operation) == [DONE] * 5
    assert OperatorAction.objects.resolutions().count() == 5


def test_a_stopped_one_stays_stopped(started):
    operation = started()
    stopped = bulk.stop(operation.pk, operator="ann")
    assert stopped.finished_at is not None
    for act in (bulk.resume, bulk.pause, bulk.stop, bulk.retry_failures):
        with pytest.raises(bulk.BulkMovedOn):
            act(operation.pk, operator="ann")
    assert next_chunk(operation) == 0
    assert stored(operation).status == BulkStatus.STOPPED
    assert TsqEntry.objects.count() == 5


def test_failures_are_retried_and_nothing_else(started, entries):
    operation = started()
    with failing(entries[1].pk):
        next_chunk(operation)
    again = bulk.retry_failures(operation.pk, operator="ann")
    assert (again.status, again.finished_at) == (BulkStatus.RUNNING, None)
    assert outcomes(operation) == [DONE, OPEN, DONE, DONE, DONE]
    assert next_chunk(operation) == 1
    assert outcomes(operation) == [DONE] * 5
    assert OperatorAction.objects.resolutions().count() == 5


def test_without_failures_there_is_nothing_to_retry(started):
    operation = started()
    next_chunk(operation)
    with pytest.raises(bulk.BulkMovedOn, match="No item has failed"):
        bulk.retry_failures(operation.pk, operator="ann")
    assert stored(operation).status == BulkStatus.FINISHED


def test_what_does_not_exist_cannot_be_steered(started):
    operation = started()
    BulkOperation.objects.all().delete()
    with pytest.raises(NotFound):
        bulk.pause(operation.pk, operator="ann")


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


def audited(operation: BulkOperation) -> list[tuple[str, str, str, dict, dict]]:
    actions = OperatorAction.objects.on(SubjectKind.BULK_OPERATION, operation.pk)
    return list(actions.values_list("action", "operator", "reason", "before", "after"))


def test_all_that_is_done_to_it_is_kept_in_the_audit(entries):
    operation = draft()
    by = {"operator": "bob", "channel": "api", "request_id": "r-1"}
    bulk.confirm(operation.pk, arguments={"note": "disk cleaned"}, rate=1000.0, **by)
    bulk.pause(operation.pk, **by)
    bulk.resume(operation.pk, **by)
    BulkItem.objects.filter(command=entries[0]).update(outcome="FAILED", at=entries[0].created_at)
    next_chunk(operation)
    bulk.retry_failures(operation.pk, **by)
    bulk.stop(operation.pk, **by)
    confirmed = {"verb": "retry", "size": 5, "rate": 1000.0, "arguments": {"note": "disk cleaned"}}
    assert audited(operation) == [
        ("confirm", "bob", "disk cleaned", {"status": "DRAFT"}, {"status": "RUNNING"} | confirmed),
        ("pause", "bob", "", {"status": "RUNNING"}, {"status": "PAUSED"}),
        ("resume", "bob", "", {"status": "PAUSED"}, {"status": "RUNNING"}),
        ("retry_failures", "bob", "", {"status": "FINISHED"}, {"status": "RUNNING", "opened": 1}),
        ("stop", "bob", "", {"status": "RUNNING"}, {"status": "STOPPED"}),
    ]
    kept = OperatorAction.objects.filter(subject_kind=SubjectKind.BULK_OPERATION)
    assert set(kept.values_list("domain", "channel", "request_id")) == {("test", "api", "r-1")}


def test_an_operation_over_several_domains_is_of_none(entries):
    park(1, domain="other")
    operation = bulk.confirm(draft().pk, operator="ann", arguments={"note": ""})
    assert OperatorAction.objects.on(SubjectKind.BULK_OPERATION, operation.pk).get().domain == ""


def test_a_refusal_says_who_moved_it_on_and_is_not_in_the_audit(started):
    operation = started()
    bulk.stop(operation.pk, operator="bob")
    told = r"The operation is stopped; 'pause' is no longer possible \(stop by bob, "
    with pytest.raises(bulk.BulkMovedOn, match=told) as refused:
        bulk.pause(operation.pk, operator="eve")
    assert (refused.value.actor, refused.value.action) == ("bob", "stop")
    for act in (bulk.pause, bulk.resume, bulk.stop, bulk.retry_failures):
        with pytest.raises(OperatorRequired):
            act(operation.pk, operator=" ")
    with pytest.raises(OperatorRequired):
        bulk.confirm(operation.pk, operator="", arguments={})
    assert [row[0] for row in audited(operation)] == ["confirm", "stop"]

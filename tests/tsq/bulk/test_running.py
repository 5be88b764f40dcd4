"""The workers' part: every item once, with its outcome, whatever happens in between."""

from datetime import timedelta

import pytest

from processes.bus.models import Command
from processes.bus.states import CommandStatus
from processes.models import OperatorAction
from tests.tsq.bulk.conftest import next_chunk, outcomes, park, queued, stored
from tsq import bulk, operations
from tsq.bulk import running
from tsq.models import TsqEntry
from tsq.models.bulk import BulkStatus

pytestmark = pytest.mark.django_db

DONE = ("DONE", "")
OPEN = (None, "")


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("retry", CommandStatus.PENDING),
        ("complete", CommandStatus.COMPLETED),
        ("cancel", CommandStatus.CANCELED),
    ],
)
def test_it_is_done_to_each_one_chosen(started, entries, verb, status):
    operation = started(verb)
    assert next_chunk(operation) == 5
    assert outcomes(operation) == [DONE] * 5
    assert set(Command.objects.values_list("status", flat=True)) == {status}
    done = stored(operation)
    assert done.status == BulkStatus.FINISHED
    assert done.finished_at is not None
    actions = OperatorAction.objects.resolutions().values_list(
        "action", "operator", "channel", "request_id"
    )
    assert list(actions) == [(verb, "ann", "python", "request-1")] * 5


def test_what_arrives_later_is_not_touched(started):
    operation = started("cancel")
    (late,) = park(1)
    next_chunk(operation)
    assert list(TsqEntry.objects.values_list("pk", flat=True)) == [late.pk]
    assert OperatorAction.objects.resolutions().count() == 5


def test_one_resolved_meanwhile_is_skipped_and_says_by_whom(started, entries):
    operation = started("cancel")
    operations.retry(entries[2].pk, operator="bob")
    next_chunk(operation)
    skipped = [(outcome, message) for outcome, message in outcomes(operation) if message]
    ((outcome, message),) = skipped
    assert outcome == "SKIPPED"
    assert "it is PENDING (retry by bob, " in message
    assert OperatorAction.objects.resolutions().filter(operator="ann").count() == 4


def test_one_parked_anew_meanwhile_is_skipped(started, entries):
    operation = started("cancel")
    Command.objects.filter(pk=entries[0].pk).update(deliveries=2)
    next_chunk(operation)
    assert [outcome for outcome, _ in outcomes(operation)] == ["SKIPPED", *["DONE"] * 4]
    assert TsqEntry.objects.get().pk == entries[0].pk


def test_a_failure_tells_why_and_stops_nothing(started, entries, monkeypatch):
    fail_for(monkeypatch, entries[1].pk)
    operation = started()
    next_chunk(operation)
    expected = [DONE, ("FAILED", "ValueError: a bug"), DONE, DONE, DONE]
    assert outcomes(operation) == expected
    assert stored(operation).status == BulkStatus.FINISHED
    assert TsqEntry.objects.get().pk == entries[1].pk  # nothing of the failed one stands


def test_a_chunk_does_so_many_and_queues_the_next_turn(started, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()
    assert queued() == 1
    assert [next_chunk(operation) for _ in range(4)] == [2, 2, 1, 0]
    assert queued() == 3  # what confirm and the first two chunks queued
    assert outcomes(operation) == [DONE] * 5


def test_a_turn_is_taken_once(started, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()
    assert bulk.run_chunk(operation.pk, operation.available_at) == 2
    assert bulk.run_chunk(operation.pk, operation.available_at) == 0
    assert outcomes(operation) == [DONE, DONE, OPEN, OPEN, OPEN]
    assert queued() == 2


class Killed(BaseException):
    pass


def test_a_killed_worker_leaves_each_item_done_or_open(started, monkeypatch, clock):
    operation = started()
    kill_at_item(monkeypatch, 3)
    with pytest.raises(Killed):
        next_chunk(operation)
    monkeypatch.undo()
    assert outcomes(operation) == [DONE, DONE, OPEN, OPEN, OPEN]
    assert OperatorAction.objects.resolutions().count() == 2

    assert next_chunk(operation) == 0  # the lease holds
    clock.advance(running.LEASE.total_seconds())
    before = queued()
    bulk.go_on_with_stalled()
    assert queued() == before + 1
    assert next_chunk(operation) == 3
    assert outcomes(operation) == [DONE] * 5
    assert OperatorAction.objects.resolutions().count() == 5


def test_a_worker_that_lost_its_lease_changes_nothing_of_the_next_ones(started, clock, monkeypatch):
    operation = started()
    slow = running._take(operation.pk, operation.available_at)
    clock.advance(running.LEASE.total_seconds())
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    quick = running._take(operation.pk, stored(operation).available_at)
    running._give_back(slow, 0)
    assert stored(operation).available_at == quick.available_at


def test_the_rate_holds_the_next_turn_back(started, clock):
    operation = started(rate=2)
    assert next_chunk(operation) == 2
    assert next_chunk(operation) == 0
    turn = stored(operation).available_at
    assert 0.5 < bulk.seconds_until(operation.pk, turn) <= 1
    clock.advance(1)
    assert next_chunk(operation) == 2
    clock.advance(1)
    assert next_chunk(operation) == 1
    assert outcomes(operation) == [DONE] * 5


def test_a_rate_below_one_a_second_takes_one_at_a_time(started, clock):
    operation = started(rate=0.1)
    begun = clock.now()
    assert next_chunk(operation) == 1
    assert stored(operation).available_at - begun >= timedelta(seconds=9.9)
    clock.advance(9)
    assert next_chunk(operation) == 0
    clock.advance(1)
    assert next_chunk(operation) == 1


def kill_at_item(monkeypatch, number: int) -> None:
    """The worker dies after this item was acted on, before its outcome is written."""
    acted = iter(range(1, 100))
    retry = running._OPERATIONS["retry"]

    def act(*arguments, **options):
        retry(*arguments, **options)
        if next(acted) == number:
            raise Killed

    monkeypatch.setitem(running._OPERATIONS, "retry", act)


def fail_for(monkeypatch, pk) -> None:
    """Retrying this one fails after its work is done."""
    retry = running._OPERATIONS["retry"]

    def act(command_id, **options):
        retry(command_id, **options)
        if command_id == pk:
            raise ValueError("a bug")

    monkeypatch.setitem(running._OPERATIONS, "retry", act)

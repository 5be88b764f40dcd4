"""The workers' part: every item once, with its outcome, whatever happens in between."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection

from processes.bus.models import Command, Reply
from processes.bus.states import CommandStatus
from processes.models import OperatorAction
from tests.factories import CommandFactory
from tests.tsq.bulk.conftest import next_chunk, outcomes, park, queued, stored
from tsq import bulk, operations
from tsq.bulk import running
from tsq.models import BulkItem, EntryClaim, TsqEntry
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


def test_a_failure_tells_why_and_stops_nothing(started, entries):
    operation = started()
    with failing(entries[1].pk):
        assert next_chunk(operation) == 5
    first, (outcome, why), *rest = outcomes(operation)
    assert [first, *rest] == [DONE] * 4
    assert outcome == "FAILED"
    assert why.startswith("IntegrityError: not this one")
    assert stored(operation).status == BulkStatus.FINISHED
    assert TsqEntry.objects.get().pk == entries[1].pk  # nothing of the failed one stands


def test_a_chunk_does_so_many_and_queues_the_next_turn(started, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()
    assert queued() == 1
    assert [next_chunk(operation) for _ in range(4)] == [2, 2, 1, 0]
    assert queued() == 3  # what confirm and the first two chunks queued
    assert outcomes(operation) == [DONE] * 5


def test_a_chunk_costs_as_many_statements_as_a_single_item(
    started, entries, django_assert_max_num_queries
):
    park(200, reply_to="test-sender")
    operation = started("cancel", typed_count=205)
    with django_assert_max_num_queries(25):
        assert next_chunk(operation) == 205
    assert outcomes(operation) == [DONE] * 205
    assert Reply.objects.filter(outcome="CANCELED").count() == 200


def test_replies_are_written_in_the_order_of_their_commands(started):
    park(20, reply_to="test-sender")
    next_chunk(started("cancel"))
    told = list(Reply.objects.order_by("id").values_list("command_id", flat=True))
    assert told == sorted(told)


def test_claims_go_with_their_entries(started, entries):
    other = CommandFactory(parked=True)
    operation = started()
    for command in (entries[0], other):
        EntryClaim.objects.create(command=command, operator="eve")
    BulkItem.objects.filter(command=other).delete()
    next_chunk(operation)
    assert EntryClaim.objects.get().command_id == other.pk


def test_many_resolved_meanwhile_are_asked_for_at_once(
    started, entries, django_assert_max_num_queries
):
    operation = started("cancel")
    for number, entry in enumerate(entries[1:]):
        operations.retry(entry.pk, operator=f"bob {number}")
    with django_assert_max_num_queries(25):
        next_chunk(operation)
    told = [message for outcome, message in outcomes(operation) if outcome == "SKIPPED"]
    assert len(told) == 4
    for number, message in enumerate(told):
        assert f"it is PENDING (retry by bob {number}, " in message


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
    monkeypatch.setattr(running, "CHUNK_ITEMS", 2)
    operation = started()
    at_chunk(monkeypatch, 2, die)
    assert next_chunk(operation) == 2
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


def at_chunk(monkeypatch, number: int, act) -> None:
    """Something happens when this chunk is resolved, before its outcomes are written."""
    at = iter(range(1, 100))
    resolve_many = running.resolve_many

    def resolve_and_act(*arguments):
        resolved = resolve_many(*arguments)
        if next(at) == number:
            act()
        return resolved

    monkeypatch.setattr(running, "resolve_many", resolve_and_act)


def die() -> None:
    raise Killed


@contextmanager
def failing(pk) -> Iterator[None]:
    """The database takes no audit row of this command."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE check_violation USING MESSAGE = 'not this one'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON processes_operatoraction FOR EACH ROW"
            f" WHEN (NEW.command_id = '{pk}') EXECUTE FUNCTION refuse()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER refuse ON processes_operatoraction; DROP FUNCTION refuse")

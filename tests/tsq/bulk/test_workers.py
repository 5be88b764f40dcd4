"""Two workers at once in real transactions, the queue's tasks, and a real cluster."""

import threading
from functools import partial
from importlib import import_module

import pytest
from django.apps import apps
from django_q.models import OrmQ, Schedule, Task

from processes.bus.clock import BusNow
from processes.bus.models import Command, Reply
from processes.bus.states import CommandStatus
from processes.models import OperatorAction
from tests.support.sessions import in_other_session, run_together, wait_until
from tests.tsq.bulk.conftest import draft, next_chunk, outcomes, park, queued, stored
from tests.tsq.bulk.test_running import DONE
from tsq import bulk, tasks
from tsq.bulk import running
from tsq.models import BulkOperation
from tsq.models.bulk import BulkStatus

PATIENCE_SECONDS = 30


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_takes_the_turn(started):
    operation = started()
    take = partial(bulk.run_chunk, operation.pk, operation.available_at)
    assert sorted(run_together(take, take, take)) == [0, 0, 5]
    assert outcomes(operation) == [DONE] * 5
    assert OperatorAction.objects.resolutions().count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_worker_beyond_its_lease_and_the_next_one_share_no_item(started, monkeypatch, clock):
    operation = started()
    at_first, go_on = threading.Event(), threading.Event()
    resolve_many = running.resolve_many

    def slow_at_first(*arguments):
        if threading.current_thread().name.startswith("session") and not at_first.is_set():
            at_first.set()
            assert go_on.wait(10)
        return resolve_many(*arguments)

    monkeypatch.setattr(running, "resolve_many", slow_at_first)
    take = partial(bulk.run_chunk, operation.pk, operation.available_at)
    slow = in_other_session(take)
    assert at_first.wait(10)
    BulkOperation.objects.update(available_at=BusNow())  # as if the lease had ended
    turn = stored(operation).available_at
    assert bulk.run_chunk(operation.pk, turn) == 0  # its items are held: they are left alone
    go_on.set()
    assert slow.result(10) == 5
    assert OperatorAction.objects.resolutions().count() == 5
    assert outcomes(operation) == [DONE] * 5

    clock.advance(1)
    next_chunk(operation)
    assert stored(operation).status == BulkStatus.FINISHED
    assert OperatorAction.objects.resolutions().count() == 5


@pytest.mark.django_db(transaction=True)
def test_operations_over_the_same_entries_at_once_resolve_each_once(started):
    park(40, reply_to="test-sender")
    chosen = [started(verb) for verb in ("retry", "cancel", "complete")]
    takes = [partial(bulk.run_chunk, one.pk, one.available_at) for one in chosen]
    assert run_together(*takes) == [45] * 3
    assert OperatorAction.objects.resolutions().count() == 45
    ended = [outcome for one in chosen for outcome, _ in outcomes(one)]
    assert (ended.count("DONE"), ended.count("SKIPPED")) == (45, 90)
    assert Reply.objects.values("command").distinct().count() == Reply.objects.count() == 40


@pytest.mark.django_db
def test_a_task_of_a_turn_that_was_taken_does_nothing(started):
    operation = started()
    tasks.run_chunk(operation.pk, operation.available_at)
    before = queued()
    tasks.run_chunk(operation.pk, operation.available_at)
    assert queued() == before
    assert OperatorAction.objects.resolutions().count() == 5


@pytest.mark.django_db
def test_a_turn_far_off_is_put_back_after_a_moment(started, monkeypatch):
    waited = []
    monkeypatch.setattr(tasks.time, "sleep", waited.append)
    operation = started(rate=0.1)
    tasks.run_chunk(operation.pk, operation.available_at)
    before = queued()
    tasks.run_chunk(operation.pk, stored(operation).available_at)
    assert waited == [0.0, tasks.LONGEST_WAIT_SECONDS]
    assert queued() == before + 1
    assert OperatorAction.objects.resolutions().count() == 1


@pytest.mark.django_db
def test_nothing_is_queued_for_what_waits_for_people(started, entries):
    bulk.pause(started().pk, operator="ann")
    draft()
    OrmQ.objects.all().delete()
    tasks.look_after_bulk_operations()
    assert queued() == 0


@pytest.mark.django_db
def test_a_schedule_looks_every_minute():
    import_module("tsq.migrations.0002_bulk_schedule").create(apps, None)
    schedule = Schedule.objects.get(func="tsq.tasks.look_after_bulk_operations")
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == ("I", 1, -1)


@pytest.fixture
def qcluster(children):
    cluster = children.start("manage.py", "qcluster")
    yield cluster
    cluster.terminate()
    assert cluster.wait(PATIENCE_SECONDS) == 0


@pytest.mark.django_db(transaction=True)
def test_a_real_cluster_does_them_all(qcluster):
    park(250)
    operation = bulk.confirm(
        draft("complete").pk, operator="ann", arguments={"note": ""}, typed_count=250
    )
    done = BulkOperation.objects.filter(pk=operation.pk, status=BulkStatus.FINISHED)
    wait_until(done.exists, PATIENCE_SECONDS)
    assert outcomes(operation) == [DONE] * 250
    assert Command.objects.filter(status=CommandStatus.COMPLETED).count() == 250
    assert OperatorAction.objects.resolutions().count() == 250
    assert not Task.objects.filter(func__startswith="tsq.").exists()

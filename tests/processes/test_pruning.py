"""What goes when it is old: whole processes and commands, and never anything open."""

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, transaction
from django_q.models import Schedule

from processes import pruning, tasks
from processes.audit import Operator
from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.sending import send_command
from processes.engine import compensate
from processes.idempotency import KeptAnswer
from processes.invariants import violations
from processes.models import OperatorAction, Process, ProcessStep
from processes.states import OperatorVerb, ProcessStatus
from processes.worker import run_until_idle
from tests.factories import CommandFactory, ReplyFactory
from tests.scenarios.acting import start_and_park_at
from tests.scenarios.reading import entry_of
from tests.support.behaviours import business, permanent
from tests.support.clock import DatabaseClock
from tests.support.sessions import in_other_session
from tsq import bulk, care, operations
from tsq.models import BulkItem, BulkOperation, EntryNote, Notification, NotificationRule, TsqEntry

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TABLES = (Process, ProcessStep, Command, CommandEvent, Reply, OperatorAction)


def prune(keep: timedelta = DAY, *statuses: str) -> dict[str, int]:
    """Prune; what a dry run foretold is what happens."""
    what = pruning.retention(keep, statuses or pruning.STATUSES)
    before = stored()
    foretold = pruning.would_prune(what)
    assert stored() == before
    *_, removed = pruning.prune(what)
    assert removed == foretold
    assert list(violations()) == []
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return {name: number for name, number in removed.items() if number}


def stored() -> list[list[dict]]:
    return [list(table.objects.order_by("pk").values()) for table in TABLES]


@pytest.fixture
def a_day_later(clock: DatabaseClock) -> Callable[[], None]:
    return lambda: clock.advance(DAY.total_seconds() + 1)


def test_a_finished_process_goes_with_all_that_is_of_it(story, a_day_later):
    process = start_and_park_at(story, "B")
    care.add_note(entry_of(process).pk, "odd", operator="ann")
    operations.cancel(entry_of(process).pk, operator="ann", reason="no use")
    run_until_idle()
    a_day_later()
    assert prune() == {"processes": 1}
    assert stored() == [[]] * len(TABLES)
    assert not EntryNote.objects.exists()


def test_what_ended_lately_stays(story, a_day_later):
    old = story.start()
    run_until_idle()
    a_day_later()
    young = story.start()
    run_until_idle()
    assert prune() == {"processes": 1}
    assert Process.objects.get().pk == young.pk != old.pk
    assert ProcessStep.objects.count() == Command.objects.count() == 3


def test_one_that_took_long_counts_from_its_end(story, a_day_later):
    process = start_and_park_at(story, "B")
    a_day_later()
    operations.complete(entry_of(process).pk, operator="ann")
    run_until_idle()
    before = stored()
    assert prune() == {}
    assert stored() == before


def test_an_open_process_stays_however_old(story, a_day_later):
    start_and_park_at(story, "B")
    a_day_later()
    assert prune() == {}
    assert Command.objects.count() == 2


def test_a_process_whose_compensation_is_parked_stays(story, a_day_later):
    story.on("UNDO_A", permanent())
    process = start_and_park_at(story, "B")
    operations.cancel(entry_of(process).pk, operator="ann", reason="no use")
    run_until_idle()
    assert Process.objects.get().status == ProcessStatus.COMPENSATED
    a_day_later()
    before = stored()
    assert prune() == {}
    assert stored() == before
    operations.complete(entry_of(process).pk, operator="ann")
    run_until_idle()
    assert prune() == {"processes": 1}


def test_a_process_with_an_unhandled_reply_stays(story, a_day_later):
    story.start()
    run_until_idle()
    Reply.objects.filter(pk=Reply.objects.latest("id").pk).update(handled_at=None)
    a_day_later()
    Process.objects.update(completed_at=Process.objects.get().created_at)
    assert pruning.would_prune(pruning.retention(DAY))["processes"] == 0


def test_only_the_statuses_asked_for_go(story, a_day_later):
    story.start()
    run_until_idle()
    story.on("A", business())
    failed = story.start()
    run_until_idle()
    CommandFactory(failed=True)
    a_day_later()
    assert prune(DAY, "COMPLETED") == {"processes": 1}
    assert Process.objects.get().pk == failed.pk
    assert prune(DAY, "FAILED") == {"processes": 1, "commands": 1}


def test_a_standalone_command_goes_with_its_replies_and_events(register_handler, a_day_later):
    register_handler("Alone", lambda _: None)
    for _ in range(3):
        send_command("Alone", {}, domain="test")
    run_until_idle()
    assert CommandEvent.objects.exists()
    a_day_later()
    open_one = send_command("Nobody's", {}, domain="test")
    assert prune() == {"commands": 3}
    assert Command.objects.get().pk == open_one.pk
    assert CommandEvent.objects.get().command_id == open_one.pk


def test_a_command_whose_reply_is_not_acknowledged_stays(a_day_later):
    waiting, read = ReplyFactory(), ReplyFactory(handled=True)
    a_day_later()
    assert prune() == {"commands": 1}
    assert Reply.objects.get().pk == waiting.pk != read.pk


def test_a_command_of_a_process_that_stays_stays(story, a_day_later):
    start_and_park_at(story, "B")
    a_day_later()
    assert prune() == {}
    assert Command.objects.filter(status="COMPLETED").count() == 1


def bulk_cancel() -> BulkOperation:
    draft = bulk.choose(OperatorVerb.CANCEL, TsqEntry.objects.all(), Operator("ann"), {})
    return confirm(draft)


def confirm(draft: BulkOperation) -> BulkOperation:
    return bulk.confirm(draft.pk, operator="ann", arguments={"reason": "no use"})


def test_a_closed_bulk_operation_goes_and_with_it_its_commands(a_day_later):
    CommandFactory(parked=True)
    operation = bulk_cancel()
    bulk.run_chunk(operation.pk, operation.available_at)
    a_day_later()
    assert prune() == {"bulk operations": 1, "commands": 1}
    assert not BulkItem.objects.exists()
    assert not OperatorAction.objects.exists()


def test_a_command_of_an_open_bulk_operation_stays(a_day_later):
    entry = CommandFactory(parked=True)
    operation = bulk_cancel()
    operations.cancel(entry.pk, operator="bob", reason="no use")
    a_day_later()
    assert prune() == {}
    assert BulkOperation.objects.get().pk == operation.pk
    assert Command.objects.get().pk == entry.pk


def test_a_process_of_an_open_bulk_operation_stays(story, a_day_later):
    process = start_and_park_at(story, "B")
    bulk_cancel()
    operations.complete(entry_of(process).pk, operator="bob")
    run_until_idle()
    a_day_later()
    before = stored()
    assert prune() == {}
    assert stored() == before


def test_told_notifications_go_and_waiting_ones_stay(a_day_later, clock):
    rule = NotificationRule.objects.create(domain="test", emails="ann@example.org")
    for status, sent_at in (("SENT", clock.now()), ("FAILED", None), ("PENDING", None)):
        Notification.objects.create(
            rule=rule, kind="EMAIL", recipient="ann", payload={}, status=status, sent_at=sent_at
        )
    a_day_later()
    assert prune() == {"notifications": 2}
    assert Notification.objects.get().status == "PENDING"


def test_it_goes_in_chunks_past_what_stays(story, a_day_later, monkeypatch):
    monkeypatch.setattr(pruning, "CHUNK", 2)
    story.start_many(5)
    ReplyFactory.create_batch(3)
    CommandFactory.create_batch(5, completed=True)
    run_until_idle()
    a_day_later()
    assert prune() == {"processes": 5, "commands": 5}
    assert Command.objects.count() == 3


def test_after_its_time_it_begins_no_chunk(story, a_day_later, monkeypatch):
    monkeypatch.setattr(pruning, "CHUNK", 2)
    CommandFactory.create_batch(5, completed=True)
    a_day_later()
    list(pruning.prune(pruning.retention(DAY), seconds=0.0))
    assert Command.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_what_somebody_is_at_is_left_alone(story, a_day_later):
    story.on("B", business())
    busy, idle = story.start_many(2)
    run_until_idle()
    a_day_later()
    with transaction.atomic():
        compensate(busy.pk, operator="ann", reason="undo it")
        *_, removed = in_other_session(lambda: list(pruning.prune(pruning.retention(DAY)))).result(
            10
        )
    assert removed["processes"] == 1
    assert not Process.objects.filter(pk=idle.pk).exists()
    run_until_idle()
    assert Process.objects.get().status == ProcessStatus.COMPENSATED
    assert list(violations()) == []


def test_without_pruning_rows_of_the_log_cannot_go(story):
    story.start()
    with pytest.raises(Exception, match="only ever added"), transaction.atomic():
        CommandEvent.objects.all()._raw_delete("default")


class TestAtNight:
    def test_unset_it_keeps_all(self, a_day_later, settings):
        settings.COMMANDBUS_KEEP_DAYS = None
        CommandFactory(completed=True)
        a_day_later()
        tasks.prune_old()
        assert Command.objects.exists()

    def test_set_it_removes_what_is_older(self, a_day_later, settings):
        settings.COMMANDBUS_KEEP_DAYS = 1
        CommandFactory(completed=True)
        a_day_later()
        young = CommandFactory(completed=True)
        tasks.prune_old()
        assert Command.objects.get().pk == young.pk

    def test_answers_to_rest_requests_are_forgotten_after_a_day_in_any_case(
        self, a_day_later, settings
    ):
        settings.COMMANDBUS_KEEP_DAYS = None
        user = User.objects.create_user("shop")
        answer = {"user": user, "request_hash": b"x", "status": 200, "headers": {}, "body": ""}
        KeptAnswer.objects.create(key="old", **answer)
        a_day_later()
        KeptAnswer.objects.create(key="young", **answer)
        tasks.prune_old()
        assert [kept.key for kept in KeptAnswer.objects.all()] == ["young"]

    def test_the_workers_are_told_to_every_day(self):
        migration = import_module("processes.migrations.0004_nightly_prune")
        migration.create(apps, None)
        schedule = Schedule.objects.get(func="processes.tasks.prune_old")
        assert (schedule.schedule_type, schedule.repeats) == ("D", -1)
        assert (schedule.next_run.hour, schedule.next_run.minute) == (2, 30)

"""Rows broken by hand are mended through the state machines; what needs a person is told so."""

import pytest
from django.db import connection
from django.db.models import F

from processes import repair
from processes.bus.clock import BusNow
from processes.bus.models import Command, Reply
from processes.bus.states import CommandStatus, ReplyOutcome
from processes.heartbeat import WorkerHeartbeat
from processes.invariants import violations
from processes.models import Process, ProcessStep
from processes.registry import known_process_types
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import CommandFactory, ReplyFactory
from tests.scenarios.acting import deliver_only, handle_only, start_and_park_at
from tests.scenarios.reading import entry_of, status_of, trail_of
from tests.support.behaviours import business, permanent, succeed
from tests.support.three_steps import PROCESS_TYPE
from tsq import operations
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db


def break_rows(statement: str) -> None:
    """As nothing in the code would do it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL commandbus.pruning = 'on'; {statement}")


def mended() -> list[str]:
    """What came of each finding; asking for findings changes nothing."""
    tables = (Process, ProcessStep, Command, Reply)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    found = list(repair.findings())
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before
    return [repair.mend(finding) for finding in found]


def all_is_well() -> bool:
    run_until_idle()
    return list(violations()) == [] and list(repair.findings()) == []


def test_where_all_is_well_there_is_nothing_to_do(story):
    start_and_park_at(story, "B")
    assert mended() == []


def test_a_missed_parking_is_told_again(story):
    process = start_and_park_at(story, "B")
    break_rows("UPDATE processes_process SET status = 'WAITING_FOR_REPLY'")
    break_rows("DELETE FROM bus_reply WHERE outcome = 'PARKED'")
    assert [v.invariant for v in violations()] == ["waiting_for_tsq"]
    assert mended() == ["done"]
    notice = Reply.objects.latest("id")
    assert (notice.outcome, notice.error_code) == (ReplyOutcome.PARKED, "BROKEN")
    assert all_is_well()
    assert status_of(process) == ProcessStatus.WAITING_FOR_TSQ


def test_a_missed_requeueing_is_told_again(story):
    process = start_and_park_at(story, "B")
    operations.retry(entry_of(process).pk, operator="ann")
    break_rows("DELETE FROM bus_reply WHERE outcome = 'REQUEUED'")
    story.on("B", succeed())
    assert [v.invariant for v in violations()] == ["waiting_for_tsq"]
    assert mended() == ["done"]
    assert all_is_well()
    assert status_of(process) == ProcessStatus.COMPLETED


@pytest.mark.parametrize(
    ("resolve", "status"),
    [
        (lambda pk: operations.cancel(pk, operator="ann", reason="x"), ProcessStatus.COMPENSATED),
        (None, ProcessStatus.FAILED),
    ],
)
def test_a_missed_final_reply_is_told_again(story, resolve, status):
    if resolve:
        process = start_and_park_at(story, "B")
        resolve(entry_of(process).pk)
    else:
        story.on("A", business())
        process = story.start()
        deliver_only()
    break_rows("DELETE FROM bus_reply WHERE outcome IN ('CANCELED', 'FAILED')")
    assert {v.invariant for v in violations()} >= {"final_reply", "one_open_command"}
    assert mended() == ["done"]
    assert all_is_well()
    assert status_of(process) == status


def test_a_lost_reply_that_was_handled_is_written_from_its_step(story):
    process = story.start()
    run_until_idle()
    break_rows("DELETE FROM bus_reply WHERE id = (SELECT min(id) FROM bus_reply)")
    assert mended() == ["done"]
    assert Reply.objects.latest("id").data == {"did": "A"}
    assert all_is_well()
    assert trail_of(process) == [(step, "SUCCESS") for step in "ABC"]


def test_a_result_that_nobody_knows_needs_a_person(story):
    process = story.start()
    deliver_only()
    break_rows("DELETE FROM bus_reply")
    (found,) = repair.findings()
    assert found.subject == str(Command.objects.get().pk)
    assert f"processes show {process.pk}" in found.remedy
    assert repair.mend(found) == "needs a person"
    assert not Reply.objects.exists()


def test_the_reply_of_another_service_is_told_again():
    CommandFactory(failed=True, reply_to="elsewhere")
    assert mended() == ["done"]
    reply = Reply.objects.get()
    assert (reply.outcome, reply.error_code, reply.reply_to) == ("FAILED", "REFUSED", "elsewhere")
    assert list(violations()) == []


def test_a_compensation_that_stopped_half_way_goes_on(story):
    process = start_and_park_at(story, "C")
    operations.cancel(entry_of(process).pk, operator="ann", reason="no use")
    run_until_idle()
    break_rows("DELETE FROM processes_processstep WHERE step = 'UNDO_A'")
    break_rows("UPDATE processes_process SET status = 'COMPENSATING', completed_at = NULL")
    break_rows(f"DELETE FROM bus_commandevent WHERE command_id IN {undoing_a()}")
    break_rows(f"DELETE FROM bus_reply WHERE command_id IN {undoing_a()}")
    break_rows(f"DELETE FROM bus_command WHERE id IN {undoing_a()}")
    assert [v.invariant for v in violations()] == ["one_open_command"]
    assert mended() == ["done"]
    assert all_is_well()
    assert status_of(process) == ProcessStatus.COMPENSATED
    assert trail_of(process)[-2:] == [("UNDO_B", "SUCCESS"), ("UNDO_A", "SUCCESS")]


def undoing_a() -> str:
    return "(SELECT id FROM bus_command WHERE command_type = 'UNDO_A')"


def test_a_compensation_that_missed_its_parking_lets_the_rest_go_on(story):
    story.on("UNDO_B", permanent())
    process = start_and_park_at(story, "C")
    operations.cancel(entry_of(process).pk, operator="ann", reason="no use")
    while not TsqEntry.objects.filter(command_type="UNDO_B").exists():
        deliver_only()
        break_rows("DELETE FROM bus_reply WHERE outcome = 'PARKED' AND handled_at IS NULL")
        handle_only()
    assert mended() == ["done"]
    assert all_is_well()
    assert status_of(process) == ProcessStatus.COMPENSATED


def test_one_that_code_does_not_know_is_refused_with_the_reason(story):
    process = start_and_park_at(story, "C")
    operations.cancel(entry_of(process).pk, operator="ann", reason="no use")
    run_until_idle()
    break_rows("UPDATE processes_process SET status = 'COMPENSATING', completed_at = NULL")
    break_rows("UPDATE processes_process SET process_type = 'Gone'")
    assert mended() == [f"refused: Unknown process type 'Gone'; known are: {known()}."]
    assert status_of(process) == ProcessStatus.COMPENSATING


def known() -> str:
    assert PROCESS_TYPE in known_process_types()
    return ", ".join(sorted(known_process_types()))


def test_what_was_mended_meanwhile_is_left_alone(story):
    start_and_park_at(story, "B")
    break_rows("UPDATE processes_process SET status = 'WAITING_FOR_REPLY'")
    break_rows("DELETE FROM bus_reply WHERE outcome = 'PARKED'")
    first, second = list(repair.findings()), list(repair.findings())
    assert [repair.mend(finding) for finding in first] == ["done"]
    assert [repair.mend(finding) for finding in second] == ["no longer needed"]
    assert Reply.objects.filter(outcome="PARKED").count() == 1


def test_what_is_due_and_not_taken_needs_workers(story, clock):
    story.start()
    clock.advance(60)
    (found,) = repair.findings()
    assert "waits for 60 s" in found.problem
    assert "no worker runs" in found.remedy
    assert repair.mend(found) == "needs a person"
    WorkerHeartbeat.objects.create(host="here", pid=1, workers=2)
    assert mended() == ["done"]


def test_a_reply_whose_lease_ended_is_due(story, clock):
    story.start()
    deliver_only()
    Reply.objects.update(tries=1, retry_at=BusNow())
    clock.advance(60)
    (found,) = repair.findings()
    assert "waits for 60 s" in found.problem
    assert all_is_well()


def test_a_stuck_reply_is_an_operators_with_the_command_for_it(story):
    reply = ReplyFactory(stuck=True, reply_to="processes")
    remedies = [found.remedy for found in repair.findings()]
    assert f"manage.py replies handle {reply.pk}, or give-up" in remedies


def test_what_waits_for_code_is_told():
    CommandFactory(handler_missing_since=BusNow(), available_at=BusNow())
    assert any(found.remedy == "deploy the code that handles it" for found in repair.findings())


def test_what_no_rule_explains_needs_a_person(story):
    process = story.start()
    run_until_idle()
    break_rows("UPDATE bus_command SET status = 'PENDING', completed_at = NULL")
    assert Command.objects.filter(status=CommandStatus.PENDING, deliveries=F("attempts")).exists()
    told = {found.remedy for found in repair.findings() if found.fix is None}
    assert any("a person decides" in remedy for remedy in told)
    assert status_of(process) == ProcessStatus.COMPLETED

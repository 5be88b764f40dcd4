"""The seven acceptance criteria of the engine, told on a process of three steps.

The process runs A, B and C; UNDO_A and UNDO_B undo the first two, C cannot be taken back.
"""

import logging

import pytest

from processes.bus.states import CommandStatus
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.scenarios.reading import entry_of, reload, replies_to, status_of, trail_of
from tests.support.behaviours import business, permanent, transient
from tests.support.three_steps import ThreeStep
from tsq.models import TsqEntry
from tsq.operations import cancel, complete

pytestmark = pytest.mark.django_db


def test_failed_reply_sets_the_process_failed_with_the_error_and_it_stays_so(story, clock):
    story.on("B", business("LIMIT_REACHED", "The daily limit is used up."))
    process = story.start()
    run_until_idle()

    failed = reload(process)
    assert failed.status == ProcessStatus.FAILED
    assert failed.error_code == "LIMIT_REACHED"
    assert failed.error_message == "The daily limit is used up."
    assert trail_of(process) == [("A", "SUCCESS"), ("B", "FAILED")]

    clock.advance(24 * 3600)
    assert run_until_idle() == 0
    assert_same_row(reload(process), failed)
    assert story.steps_run == ["A", "B"]
    assert not TsqEntry.objects.exists()


def test_tsq_integration_exhausted_retries_make_the_process_wait_for_the_tsq(story, clock):
    story.on("B", transient("MAIL_DOWN", "no answer"))
    process = story.start()
    run_until_idle()
    for _ in range(2):
        assert status_of(process) == ProcessStatus.WAITING_FOR_REPLY
        clock.advance(600)
        run_until_idle()

    assert status_of(process) == ProcessStatus.WAITING_FOR_TSQ
    assert entry_of(process).last_error_code == "MAIL_DOWN"
    assert story.steps_run == ["A", "B", "B", "B"]
    assert trail_of(process) == [("A", "SUCCESS"), ("B", None)]


def test_tsq_integration_a_permanent_error_makes_the_process_wait_for_the_tsq(story):
    story.on("B", permanent("NO_SUCH_ACCOUNT", "Account 17 is unknown."))
    process = story.start()
    run_until_idle()

    assert status_of(process) == ProcessStatus.WAITING_FOR_TSQ
    assert entry_of(process).last_error_code == "NO_SUCH_ACCOUNT"
    assert entry_of(process).last_error_message == "Account 17 is unknown."
    assert story.steps_run == ["A", "B"]
    assert trail_of(process) == [("A", "SUCCESS"), ("B", None)]


def test_tsq_complete_lets_the_process_continue_with_the_result_data(story):
    process = start_and_park_at(story, "B")

    complete(entry_of(process).id, operator="ann", result_data={"looked_up": 42})
    run_until_idle()

    assert replies_to(process) == ["SUCCESS", "PARKED", "SUCCESS", "SUCCESS"]
    last_step, message = story.ran[-1]
    assert last_step == "C"
    assert message.data == {"results": {"A": {"did": "A"}, "B": {"looked_up": 42}}}
    assert trail_of(process) == [("A", "SUCCESS"), ("B", "SUCCESS"), ("C", "SUCCESS")]
    assert status_of(process) == ProcessStatus.COMPLETED
    assert story.steps_run == ["A", "B", "C"]


def test_tsq_cancel_makes_the_process_compensate_its_completed_steps(story):
    process = start_and_park_at(story, "B")

    cancel(entry_of(process).id, operator="ann", reason="the customer has left")
    run_until_idle()

    assert replies_to(process) == ["SUCCESS", "PARKED", "CANCELED", "SUCCESS"]
    assert trail_of(process) == [("A", "SUCCESS"), ("B", "CANCELED"), ("UNDO_A", "SUCCESS")]
    compensated = reload(process)
    assert compensated.status == ProcessStatus.COMPENSATED
    assert (compensated.error_code, compensated.error_message) == ("BROKEN", "no way")
    assert OperatorAction.objects.get().reason == "the customer has left"


def test_compensation_flow_undoes_completed_steps_in_reverse_order_one_after_another(story):
    asked = watch_compensation_steps(story)
    unfinished_when_started = []

    def undo(message):
        others = process.steps.filter(outcome=None).exclude(command_id=message.command_id)
        unfinished_when_started.extend(others.values_list("step", flat=True))

    story.on("UNDO_A", undo)
    story.on("UNDO_B", undo)
    process = start_and_park_at(story, "C")
    cancel(entry_of(process).id, operator="ann", reason="too late")
    run_until_idle()

    assert story.steps_run == ["A", "B", "C", "UNDO_B", "UNDO_A"]
    assert unfinished_when_started == []
    assert list(dict.fromkeys(asked)) == ["B", "A"]
    assert what_each_compensation_undoes(process) == [("UNDO_B", "B"), ("UNDO_A", "A")]
    assert status_of(process) == ProcessStatus.COMPENSATED


def test_no_compensation_defined_is_skipped(story):
    story.manager.get_compensation_step = lambda _, step: ThreeStep.UNDO_A if step == "A" else None
    process = start_and_park_at(story, "C")
    cancel(entry_of(process).id, operator="ann", reason="too late")
    run_until_idle()

    assert story.steps_run == ["A", "B", "C", "UNDO_A"]
    assert what_each_compensation_undoes(process) == [("UNDO_A", "A")]
    assert status_of(process) == ProcessStatus.COMPENSATED


def test_compensation_failure_is_logged_and_recorded_and_the_remaining_ones_run(story, caplog):
    story.on("UNDO_B", business("ALREADY_GONE", "B cannot be undone."))
    process = start_and_park_at(story, "C")
    cancel(entry_of(process).id, operator="ann", reason="too late")
    with caplog.at_level(logging.ERROR, "processes"):
        run_until_idle()

    assert f"{process}: compensation UNDO_B ended FAILED" in caplog.messages
    failed = process.steps.get(step="UNDO_B")
    assert failed.outcome == "FAILED"
    assert (failed.error_code, failed.error_message) == ("ALREADY_GONE", "B cannot be undone.")
    assert trail_of(process)[-1] == ("UNDO_A", "SUCCESS")
    assert story.steps_run == ["A", "B", "C", "UNDO_B", "UNDO_A"]
    assert status_of(process) == ProcessStatus.COMPENSATED


def start_and_park_at(story, step: str) -> Process:
    """A process whose command of this step has just been parked."""
    story.on(step, permanent())
    process = story.start()
    run_until_idle()
    entry = entry_of(process)
    assert (entry.command_type, entry.status) == (step, CommandStatus.IN_TROUBLESHOOTING_QUEUE)
    return process


def watch_compensation_steps(story) -> list[str]:
    """The steps whose compensation the manager is asked for, as they come."""
    asked: list[str] = []
    answer = story.manager.get_compensation_step

    def get_compensation_step(self, step):
        asked.append(step.value)
        return answer(self, step)

    story.manager.get_compensation_step = get_compensation_step
    return asked


def what_each_compensation_undoes(process: Process) -> list[tuple[str, str]]:
    compensations = process.steps.filter(direction="COMPENSATION").order_by("sequence")
    return list(compensations.values_list("step", "compensates__step"))


def assert_same_row(process: Process, before: Process) -> None:
    fields = [field.attname for field in Process._meta.concrete_fields]
    assert {f: getattr(process, f) for f in fields} == {f: getattr(before, f) for f in fields}

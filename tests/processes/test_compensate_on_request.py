"""An operator has a FAILED process compensated; any other process is left alone."""

import uuid

import pytest

from processes.audit import OperatorRequired
from processes.bus.errors import (
    NotFailed,
    NotFound,
    ReasonRequired,
    UnknownProcessType,
    UnknownStep,
)
from processes.bus.models import Command, Reply
from processes.engine import compensate
from processes.models import OperatorAction, Process, ProcessStep
from processes.registry import unregister_process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import PROCESS_TRAITS, ProcessFactory
from tests.scenarios.reading import reload, status_of, trail_of
from tests.support.behaviours import business
from tests.support.sessions import run_together

pytestmark = pytest.mark.django_db


@pytest.fixture
def failed(story) -> Process:
    story.on("C", business("REFUSED", "not allowed"))
    process = story.start()
    run_until_idle()
    return reload(process)


def stored() -> list[list[dict]]:
    tables = (Process, ProcessStep, Command, Reply, OperatorAction)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_it_undoes_the_completed_steps_and_ends_compensated(story, failed):
    process = compensate(failed.id, operator="ann", reason="customer asked")

    assert (process.status, process.completed_at) == (ProcessStatus.COMPENSATING, None)
    run_until_idle()
    ended = reload(failed)
    assert (ended.status, ended.error_code) == (ProcessStatus.COMPENSATED, "REFUSED")
    assert ended.completed_at is not None
    assert trail_of(failed)[2:] == [("C", "FAILED"), ("UNDO_B", "SUCCESS"), ("UNDO_A", "SUCCESS")]


def test_the_action_is_recorded(failed):
    compensate(failed.id, operator="ann", reason="asked", channel="api", request_id="r-7")
    action = OperatorAction.objects.get()
    assert (action.process_id, action.command, action.reply) == (failed.id, None, None)
    assert (action.action, action.operator, action.reason) == ("compensate", "ann", "asked")
    assert (action.channel, action.request_id) == ("api", "r-7")
    assert action.before["status"] == "FAILED"
    assert action.after == action.before | {"status": "COMPENSATING"}


def test_a_process_with_a_step_that_this_code_does_not_know_is_left_alone(failed):
    ProcessStep.objects.filter(process=failed, step="A").update(step="FROM_NEWER_CODE")
    before = stored()

    with pytest.raises(UnknownStep, match="FROM_NEWER_CODE"):
        compensate(failed.id, operator="ann", reason="asked")

    assert stored() == before


def test_with_nothing_to_undo_it_ends_at_once(story):
    story.on("A", business())
    process = story.start()
    run_until_idle()
    assert compensate(process.id, operator="ann", reason="asked").status == "COMPENSATED"
    assert trail_of(process) == [("A", "FAILED")]


@pytest.mark.parametrize("status", [s for s in PROCESS_TRAITS if s != ProcessStatus.FAILED])
def test_a_process_that_has_not_failed_is_refused(story, status):
    process = ProcessFactory(**PROCESS_TRAITS[status])
    before = stored()
    with pytest.raises(NotFailed, match=f"this one is {status}") as refusal:
        compensate(process.id, operator="ann", reason="asked")
    assert (refusal.value.state, refusal.value.actor) == (status, "")
    assert stored() == before


def test_the_second_is_told_who_was_first_how_and_when(failed):
    compensate(failed.id, operator="ben", reason="asked")
    before, done = stored(), OperatorAction.objects.get()
    with pytest.raises(NotFailed, match="compensate by ben") as refusal:
        compensate(failed.id, operator="ann", reason="asked too")
    assert (refusal.value.actor, refusal.value.action) == ("ben", "compensate")
    assert (refusal.value.at, refusal.value.state) == (done.at, "COMPENSATING")
    assert stored() == before


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_wins(story, failed):
    outcomes = run_together(
        lambda: compensate(failed.id, operator="ann", reason="asked"),
        lambda: compensate(failed.id, operator="ben", reason="asked"),
    )
    (refusal,) = (outcome for outcome in outcomes if isinstance(outcome, NotFailed))
    assert refusal.actor == OperatorAction.objects.get().operator
    run_until_idle()
    assert story.steps_run.count("UNDO_B") == story.steps_run.count("UNDO_A") == 1
    assert status_of(failed) == ProcessStatus.COMPENSATED


@pytest.mark.parametrize("reason", ["", " \n", None])
def test_it_needs_a_reason(failed, reason):
    before = stored()
    with pytest.raises(ReasonRequired):
        compensate(failed.id, operator="ann", reason=reason)
    assert stored() == before


def test_it_needs_an_operator(failed):
    before = stored()
    with pytest.raises(OperatorRequired):
        compensate(failed.id, operator=" ", reason="asked")
    assert stored() == before


def test_an_unknown_process_is_not_found(db):
    unknown = uuid.uuid4()
    with pytest.raises(NotFound, match=str(unknown)):
        compensate(unknown, operator="ann", reason="asked")


def test_what_is_no_id_at_all_is_not_found(db):
    with pytest.raises(NotFound, match="garbage"):
        compensate("garbage", operator="ann", reason="asked")


def test_a_process_whose_type_this_code_does_not_know_is_left_alone(story, failed):
    unregister_process(story.manager.process_type)
    before = stored()
    with pytest.raises(UnknownProcessType):
        compensate(failed.id, operator="ann", reason="asked")
    assert stored() == before

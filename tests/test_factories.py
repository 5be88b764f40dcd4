"""The factories' own promise: every row they make passes the database's constraints."""

import pytest

from processes.states import ProcessStatus
from tests.factories import (
    COMMAND_TRAITS,
    PROCESS_TRAITS,
    CommandEventFactory,
    CommandFactory,
    OperatorActionFactory,
    ProcessFactory,
    ProcessStepFactory,
    ReplyFactory,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", COMMAND_TRAITS)
def test_a_command_can_be_made_in_each_status(status):
    assert CommandFactory(**COMMAND_TRAITS[status]).status == status


@pytest.mark.parametrize("status", PROCESS_TRAITS)
def test_a_process_can_be_made_in_each_status(status):
    assert ProcessFactory(**PROCESS_TRAITS[status]).status == status


def test_no_stored_process_status_is_left_out():
    assert set(PROCESS_TRAITS) == set(ProcessStatus) - {ProcessStatus.IN_PROGRESS}


@pytest.mark.parametrize("outcome", ["failed", "canceled", "parked", "requeued"])
def test_a_reply_of_each_outcome_comes_with_its_command(outcome):
    reply = ReplyFactory(**{outcome: True})

    assert reply.outcome == outcome.upper()
    assert reply.correlation_id == reply.command.correlation_id


def test_a_step_can_be_made_in_each_state():
    done = ProcessStepFactory(success=True)
    states = ["parked", "failed", "canceled"]

    assert ProcessStepFactory(process=done.process, compensates=done, not_built=True).is_tried
    assert [ProcessStepFactory(**{state: True}).is_tried for state in states] == [True] * 3
    assert not ProcessStepFactory().is_tried


def test_the_log_and_the_audit_have_rows_too():
    assert CommandEventFactory().type == "SENT"
    assert OperatorActionFactory().operator == "ann"
    assert OperatorActionFactory(command=None, process=ProcessFactory(failed=True)).command is None

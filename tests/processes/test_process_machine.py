"""The status machine of a process: section 4 of the design, drawn again and compared."""

import pytest
from django_fsm import TransitionNotAllowed, can_proceed

from processes.bus.states import edge
from processes.models import Process
from processes.states import ProcessStatus as S

TERMINAL = (S.COMPLETED, S.COMPENSATED, S.FAILED)
MACHINE = {
    "await_reply": ({S.PENDING, S.IN_PROGRESS}, S.WAITING_FOR_REPLY),
    "accept_reply": ({S.WAITING_FOR_REPLY, S.WAITING_FOR_TSQ}, S.IN_PROGRESS),
    "complete": ({S.IN_PROGRESS}, S.COMPLETED),
    "fail": ({S.WAITING_FOR_REPLY, S.WAITING_FOR_TSQ}, S.FAILED),
    "wait_for_tsq": ({S.WAITING_FOR_REPLY}, S.WAITING_FOR_TSQ),
    "resume": ({S.WAITING_FOR_TSQ}, S.WAITING_FOR_REPLY),
    "begin_compensation": ({S.WAITING_FOR_REPLY, S.WAITING_FOR_TSQ, S.FAILED}, S.COMPENSATING),
    "finish_compensation": ({S.COMPENSATING}, S.COMPENSATED),
}
ARGUMENTS = {"await_reply": ("SECOND",), "fail": ("NO_MONEY", "the account is empty")}


def process_in(status: S) -> Process:
    return Process(process_type="Test", domain="test", data={}, status=status)


def take(process: Process, transition: str) -> None:
    getattr(process, transition)(*ARGUMENTS.get(transition, ()))


ALLOWED = [(name, source) for name, (sources, _) in MACHINE.items() for source in sorted(sources)]
REFUSED = [(name, s) for name, (sources, _) in MACHINE.items() for s in S if s not in sources]


def test_the_declared_transitions_are_those_of_the_design():
    transitions = Process._meta.get_field("status").get_all_transitions(Process)
    assert {transition.name for transition in transitions} == set(MACHINE)
    for name, (sources, target) in MACHINE.items():
        declared = edge(Process, name)
        assert (set(declared.sources), declared.target) == (sources, target), name


@pytest.mark.parametrize(("transition", "source"), ALLOWED)
def test_transition_leads_to_its_target(transition: str, source: S):
    process = process_in(source)
    take(process, transition)
    assert process.status == MACHINE[transition][1]


@pytest.mark.parametrize(("transition", "source"), REFUSED)
def test_transition_is_refused_and_changes_nothing(transition: str, source: S):
    process = process_in(source)
    with pytest.raises(TransitionNotAllowed):
        take(process, transition)
    assert (process.status, process.current_step, process.error_code) == (source, "", "")


@pytest.mark.parametrize("ended", [S.COMPLETED, S.COMPENSATED])
def test_nothing_leaves_a_process_that_ended(ended: S):
    process = process_in(ended)
    assert process.is_terminal
    assert not any(can_proceed(getattr(process, name)) for name in MACHINE)


def test_a_failed_process_can_only_be_compensated():
    process = process_in(S.FAILED)
    assert process.is_terminal
    able = [name for name in MACHINE if can_proceed(getattr(process, name))]
    assert able == ["begin_compensation"]


@pytest.mark.parametrize("status", [s for s in S if s not in TERMINAL])
def test_a_process_on_its_way_is_not_terminal(status: S):
    assert not process_in(status).is_terminal


def test_nothing_assigns_a_status_by_hand():
    process = process_in(S.PENDING)
    with pytest.raises(AttributeError):
        process.status = S.COMPLETED
    assert process.status == S.PENDING


def test_awaiting_a_reply_names_the_current_step():
    process = process_in(S.PENDING)
    process.await_reply("SECOND")
    assert process.current_step == "SECOND"


def test_failing_keeps_the_error():
    process = process_in(S.WAITING_FOR_REPLY)
    process.fail("NO_MONEY", "the account is empty")
    assert (process.error_code, process.error_message) == ("NO_MONEY", "the account is empty")

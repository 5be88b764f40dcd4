"""What a manager decides when it takes a reply: in memory, without a database."""

import uuid
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import pytest

from processes.base import COMPENSATION_NOT_BUILT, ProcessCommand, ProcessManager, ReceivedReply
from processes.bus.errors import InvalidProcessData
from processes.bus.states import ReplyOutcome
from processes.models import Process
from processes.states import Direction, ProcessStatus, StepOutcome
from processes.trail import AuditTrail, Step


class Errand(StrEnum):
    PACK = "PACK"
    SHIP = "SHIP"
    BILL = "BILL"
    UNPACK = "UNPACK"
    CALL_BACK = "CALL_BACK"


@dataclass
class ErrandState:
    goods: str = "books"
    learned: list[str] = field(default_factory=list)

    to_dict = asdict

    @classmethod
    def from_dict(cls, data):
        return cls(**data)


class ErrandManager(ProcessManager[ErrandState, Errand]):
    process_type = "Errand"
    domain = "test"
    state_class = ErrandState
    step_class = Errand
    undone_by = {Errand.PACK: Errand.UNPACK, Errand.SHIP: Errand.CALL_BACK}
    unbuildable: tuple[Errand, ...] = ()

    def create_initial_state(self, data):
        if "goods" not in data:
            raise ValueError("goods is missing; name what to send.")
        return ErrandState(data["goods"])

    def get_first_step(self, state):
        return Errand.PACK

    def build_command(self, step, state):
        if step in self.unbuildable:
            raise LookupError(f"no way to {step}")
        return ProcessCommand(f"Do{step.title()}", {"goods": state.goods})

    def update_state(self, state, step, reply):
        state.learned.append(f"{step}: {reply.data}")

    def get_next_step(self, step, reply, state):
        return {Errand.PACK: Errand.SHIP, Errand.SHIP: Errand.BILL}.get(step)

    def get_compensation_step(self, step):
        return self.undone_by.get(step)


@pytest.fixture
def manager() -> ErrandManager:
    return ErrandManager()


def started(manager: ErrandManager) -> Process:
    process = Process(id=uuid.uuid4(), process_type="Errand", domain="test", data={"goods": "tea"})
    process.trail = AuditTrail(process.id)
    manager.start(process)
    return process


def take(manager: ErrandManager, process: Process, outcome: ReplyOutcome, **fields) -> Step:
    """Let the manager take a reply to the newest step; what it adds is then stored, with an id."""
    for number, step in enumerate(process.trail.steps, 1):
        step.id = number
    process.trail.added.clear()
    step = process.trail.steps[-1]
    error = {"error_code": "", "error_message": ""}
    fields = {"data": None} | error | fields
    manager.handle_reply(ReceivedReply(1, step.command_id, outcome, **fields), process)
    return step


def after(manager: ErrandManager, *outcomes: ReplyOutcome) -> Process:
    process = started(manager)
    for outcome in outcomes:
        take(manager, process, outcome)
    return process


def names(process: Process) -> list[str]:
    return [step.name for step in process.trail.steps]


SUCCESS, FAILED, CANCELED = ReplyOutcome.SUCCESS, ReplyOutcome.FAILED, ReplyOutcome.CANCELED
PARKED, REQUEUED = ReplyOutcome.PARKED, ReplyOutcome.REQUEUED


class TestStart:
    def test_it_sends_the_first_command_and_waits(self, manager):
        process = started(manager)
        (step,) = process.trail.added
        assert (process.status, process.current_step) == (ProcessStatus.WAITING_FOR_REPLY, "PACK")
        assert process.state == {"goods": "tea", "learned": []}
        assert (step.sequence, step.name, step.direction) == (1, "PACK", Direction.FORWARD)
        assert (step.command.command_type, step.command.data) == ("DoPack", '{"goods": "tea"}')

    def test_its_command_is_addressed_and_named_by_its_place(self, manager):
        process = started(manager)
        command = process.trail.added[0].command
        assert command.command_id == uuid.uuid5(process.id, "1")
        assert (command.correlation_id, command.reply_to) == (process.id, "processes")

    def test_data_that_will_not_do_is_refused_in_the_managers_words(self, manager):
        process = Process(process_type="Errand", domain="test", data={})
        process.trail = AuditTrail(process.id)
        with pytest.raises(InvalidProcessData, match=r"goods is missing; name what to send\.$"):
            manager.start(process)
        assert (process.status, process.trail.steps) == (ProcessStatus.PENDING, [])


class TestForward:
    def test_success_updates_the_state_and_sends_the_next_step(self, manager):
        process = started(manager)
        take(manager, process, SUCCESS, data={"box": 7})
        assert (process.status, process.current_step) == (ProcessStatus.WAITING_FOR_REPLY, "SHIP")
        assert process.state["learned"] == ["PACK: {'box': 7}"]
        (added,) = process.trail.added
        assert (added.sequence, added.command_id) == (2, uuid.uuid5(process.id, "2"))

    def test_success_of_the_last_step_completes(self, manager):
        process = after(manager, SUCCESS, SUCCESS, SUCCESS)
        assert (process.status, process.trail.added) == (ProcessStatus.COMPLETED, [])
        assert names(process) == ["PACK", "SHIP", "BILL"]

    def test_failure_fails_and_sends_nothing(self, manager):
        process = after(manager, SUCCESS)
        step = take(manager, process, FAILED, error_code="NO_ROAD", error_message="snow")
        assert (process.status, process.trail.added) == (ProcessStatus.FAILED, [])
        assert (process.error_code, process.error_message) == ("NO_ROAD", "snow")
        assert step.outcome == StepOutcome.FAILED

    def test_failure_compensates_at_once_where_the_manager_wants_it(self, manager):
        manager.compensate_on_failure = True
        process = after(manager, SUCCESS)
        take(manager, process, FAILED, error_code="NO_ROAD", error_message="snow")
        assert process.status == ProcessStatus.COMPENSATING
        assert (process.error_code, process.error_message) == ("NO_ROAD", "snow")
        assert names(process) == ["PACK", "SHIP", "UNPACK"]

    def test_parked_waits_for_the_tsq_and_requeued_goes_back_to_waiting(self, manager):
        process = started(manager)
        step = take(manager, process, PARKED)
        assert (process.status, step.outcome) == (ProcessStatus.WAITING_FOR_TSQ, None)
        take(manager, process, REQUEUED)
        assert (process.status, step.outcome) == (ProcessStatus.WAITING_FOR_REPLY, None)
        assert (process.trail.added, process.state["learned"]) == ([], [])

    def test_cancel_keeps_the_commands_last_error(self, manager):
        process = after(manager, SUCCESS, PARKED)
        take(manager, process, CANCELED, error_code="NO_ROAD", error_message="snow")
        assert (process.error_code, process.error_message) == ("NO_ROAD", "snow")
        assert process.status == ProcessStatus.COMPENSATING


class TestCompensation:
    def test_the_latest_completed_step_is_undone_first_and_alone(self, manager):
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        (undoing,) = process.trail.added
        ship = process.trail.steps[1]
        assert (undoing.name, undoing.undoes) == ("CALL_BACK", ship.id)
        assert undoing.direction == Direction.COMPENSATION

    def test_the_state_is_not_changed_by_compensations(self, manager):
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        state, current = dict(process.state), process.current_step
        take(manager, process, SUCCESS, data={"returned": True})
        take(manager, process, SUCCESS)
        assert (process.state, process.current_step) == (state, current)
        assert process.status == ProcessStatus.COMPENSATED

    @pytest.mark.parametrize("outcome", [SUCCESS, FAILED, CANCELED, PARKED])
    def test_whatever_comes_of_one_the_next_one_runs(self, manager, outcome):
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        take(manager, process, outcome)
        assert names(process) == ["PACK", "SHIP", "BILL", "CALL_BACK", "UNPACK"]

    def test_requeued_starts_nothing(self, manager):
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        take(manager, process, REQUEUED)
        assert (process.status, process.trail.added) == (ProcessStatus.COMPENSATING, [])

    def test_a_step_without_a_compensation_is_skipped(self, manager):
        manager.undone_by = {Errand.PACK: Errand.UNPACK}
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        assert names(process) == ["PACK", "SHIP", "BILL", "UNPACK"]

    def test_nothing_to_undo_ends_at_once(self, manager):
        process = after(manager, CANCELED)
        assert (process.status, process.trail.added) == (ProcessStatus.COMPENSATED, [])

    def test_one_that_cannot_be_built_is_recorded_and_the_rest_go_on(self, manager):
        manager.unbuildable = (Errand.CALL_BACK,)
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        unbuilt, undoing = process.trail.added
        assert (unbuilt.outcome, unbuilt.undoes) == (StepOutcome.FAILED, 2)
        assert (unbuilt.command, unbuilt.command_id) == (None, None)
        assert unbuilt.error_code == COMPENSATION_NOT_BUILT
        assert unbuilt.error_message == "LookupError: no way to CALL_BACK"
        assert (undoing.name, undoing.undoes) == ("UNPACK", 1)

    def test_when_none_can_be_built_it_ends_compensated(self, manager):
        manager.unbuildable = (Errand.CALL_BACK, Errand.UNPACK)
        process = after(manager, SUCCESS, SUCCESS, CANCELED)
        assert process.status == ProcessStatus.COMPENSATED
        assert [step.undoes for step in process.trail.added] == [2, 1]


class TestRepliesThatChangeNothing:
    def test_one_that_belongs_to_no_step(self, manager):
        process = started(manager)
        stray = ReceivedReply(1, uuid.uuid4(), SUCCESS, {}, "", "")
        process.trail.added.clear()
        manager.handle_reply(stray, process)
        assert (process.status, process.trail.added) == (ProcessStatus.WAITING_FOR_REPLY, [])

    @pytest.mark.parametrize("outcome", list(ReplyOutcome))
    def test_one_whose_step_has_its_outcome(self, manager, outcome):
        process = after(manager, SUCCESS)
        packed = process.trail.steps[0]
        process.trail.added.clear()
        manager.handle_reply(ReceivedReply(9, packed.command_id, outcome, {}, "E", "e"), process)
        assert (process.status, process.current_step) == (ProcessStatus.WAITING_FOR_REPLY, "SHIP")
        assert (process.error_code, process.trail.added) == ("", [])
        assert packed.outcome == StepOutcome.SUCCESS

    @pytest.mark.parametrize("outcome", [SUCCESS, FAILED, CANCELED])
    def test_the_later_outcome_of_a_parked_compensation(self, manager, outcome):
        process = after(manager, SUCCESS, SUCCESS, CANCELED, PARKED)
        call_back = process.trail.steps[3]
        process.trail.added.clear()
        manager.handle_reply(ReceivedReply(9, call_back.command_id, outcome, {}, "", ""), process)
        assert (process.status, process.trail.added) == (ProcessStatus.COMPENSATING, [])
        assert call_back.outcome == StepOutcome(outcome)

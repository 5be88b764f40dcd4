"""ProcessManager: what an author of a process subclasses, and how it takes a reply.

The manager only decides.  It works on a process and its audit trail in memory, under the
engine's lock; the engine writes what it decided.
"""

import logging
import uuid
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from processes.bus.errors import InvalidProcessData
from processes.bus.fitness import MAX_CODE, fit_text
from processes.bus.querysets import ENGINE_ADDRESS
from processes.bus.sending import NewCommand, new_command
from processes.bus.states import FINAL_OUTCOMES, ReplyOutcome
from processes.models import Process
from processes.states import Direction, ProcessStatus, StepOutcome
from processes.trail import Step

logger = logging.getLogger(__name__)

REPLY_ADDRESS = ENGINE_ADDRESS
COMPENSATION_NOT_BUILT = "COMPENSATION_NOT_BUILT"


class ProcessState(Protocol):
    """What a process remembers between its steps."""

    def to_dict(self) -> dict[str, Any]: ...

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self: ...


State = TypeVar("State", bound=ProcessState)
StepName = TypeVar("StepName", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ProcessCommand:
    """The command a step sends; ``data`` is a JSON object."""

    command_type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedReply:
    """A reply as a manager sees it; ``data`` is the handler's result, None if it had none."""

    id: int
    command_id: uuid.UUID
    outcome: ReplyOutcome
    data: dict[str, Any] | None
    error_code: str
    error_message: str


class ProcessManager(ABC, Generic[State, StepName]):
    """Decides the steps of one type of process.  Methods are pure and may be called again."""

    process_type: ClassVar[str]
    domain: ClassVar[str]
    state_class: type[State]
    step_class: type[StepName]
    compensate_on_failure: ClassVar[bool] = False
    """A FAILED reply compensates at once instead of ending the process as FAILED."""

    @abstractmethod
    def create_initial_state(self, data: dict[str, Any]) -> State:
        """The state to start with; raise ValueError naming the field and the remedy."""

    @abstractmethod
    def get_first_step(self, state: State) -> StepName: ...

    @abstractmethod
    def build_command(self, step: StepName, state: State) -> ProcessCommand:
        """The command that does (or, for a compensation step, undoes) the work."""

    @abstractmethod
    def update_state(self, state: State, step: StepName, reply: ReceivedReply) -> None:
        """Take what a successful reply brought into the state, in place."""

    @abstractmethod
    def get_next_step(self, step: StepName, reply: ReceivedReply, state: State) -> StepName | None:
        """The step that follows a successful one; None ends the process."""

    def get_compensation_step(self, step: StepName) -> StepName | None:
        """The step that undoes ``step``; None where nothing needs to be undone."""
        return None

    def start(self, process: Process) -> None:
        """Send the first command; raises InvalidProcessData if the data will not do."""
        try:
            state = self.create_initial_state(process.data)
            process.state = state.to_dict()
            self._send(process, self.get_first_step(state), state)
        except Exception as error:
            logger.info("%s not started", self.process_type, exc_info=error)
            raise InvalidProcessData(
                f"{self.process_type} cannot start with this data: {_told(error)}"
            ) from error

    def knows(self, step_name: str) -> bool:
        return step_name in {step.value for step in self.step_class}

    def compensate(self, process: Process) -> None:
        """Begin undoing what the process has done."""
        process.begin_compensation()
        self._run_compensations(process)

    def go_on_compensating(self, process: Process) -> None:
        """Undo what is left, where undoing has stopped half-way."""
        self._run_compensations(process)

    def handle_reply(self, reply: ReceivedReply, process: Process) -> None:
        """Record the outcome on its step, and let it decide what the process does next."""
        step = process.trail.step_of(reply.command_id)
        if step is None or step.outcome is not None:
            logger.warning("%s: reply %s has no open step; nothing changes", process, reply.id)
            return
        was_tried = step.is_tried
        if reply.outcome in FINAL_OUTCOMES:
            step.outcome = StepOutcome(reply.outcome)
        elif reply.outcome == ReplyOutcome.PARKED:
            step.parked = True
        if step.is_forward:
            self._continue_forward(step, reply, process)
        elif step.is_tried and not was_tried:
            self.continue_compensation(step, process)

    def continue_compensation(self, step: Step, process: Process) -> None:
        """The next one starts when the latest one was tried, and at no other time."""
        if step.outcome in (StepOutcome.FAILED, StepOutcome.CANCELED):
            logger.error("%s: compensation %s ended %s", process, step.name, step.outcome)
        is_latest = process.trail.latest_compensation() is step
        if process.status == ProcessStatus.COMPENSATING and is_latest:
            self._run_compensations(process)

    def _continue_forward(self, step: Step, reply: ReceivedReply, process: Process) -> None:
        if process.status not in (ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ):
            logger.warning("%s: reply %s came after the end; only recorded", process, reply.id)
            return
        match reply.outcome:
            case ReplyOutcome.SUCCESS:
                self._go_on(step, reply, process)
            case ReplyOutcome.FAILED:
                self._fail(reply, process)
            case ReplyOutcome.CANCELED:
                process.record_error(reply.error_code, reply.error_message)
                self.compensate(process)
            case ReplyOutcome.PARKED:
                process.wait_for_tsq()
            case ReplyOutcome.REQUEUED:
                process.resume()

    def _go_on(self, step: Step, reply: ReceivedReply, process: Process) -> None:
        process.accept_reply()
        name = self.step_class(step.name)
        state = self.state_class.from_dict(process.state)
        self.update_state(state, name, reply)
        process.state = state.to_dict()
        following = self.get_next_step(name, reply, state)
        if following is None:
            process.complete()
        else:
            self._send(process, following, state)

    def _fail(self, reply: ReceivedReply, process: Process) -> None:
        if not self.compensate_on_failure:
            process.fail(reply.error_code, reply.error_message)
            return
        process.record_error(reply.error_code, reply.error_message)
        self.compensate(process)

    def _run_compensations(self, process: Process) -> None:
        """Send the next undoing command, or finish when nothing is left to undo.

        What is left is derived from the audit trail, so a crash resumes where it was.  One that
        cannot be built is recorded as failed, and the rest go on.
        """
        for forward in process.trail.completed_forward_latest_first():
            if process.trail.is_compensated(forward):
                continue
            try:
                undoing = self.get_compensation_step(self.step_class(forward.name))
                if undoing is None:
                    continue
                command = self._command(process, undoing, self._state_of(process))
            except Exception as error:
                logger.exception("%s: compensation of %s not built", process, forward.name)
                process.trail.add(_not_built(process, forward, error))
                continue
            process.trail.add(_sent(process, undoing, command, undoes=forward.id))
            return
        process.finish_compensation()

    def _send(self, process: Process, step: StepName, state: State) -> None:
        process.trail.add(_sent(process, step, self._command(process, step, state)))
        process.await_reply(step.value)

    def _command(self, process: Process, step: StepName, state: State) -> NewCommand:
        wanted = self.build_command(step, state)
        return new_command(
            wanted.command_type,
            wanted.data,
            domain=process.domain,
            command_id=process.trail.next_command_id(),
            correlation_id=process.id,
            reply_to=REPLY_ADDRESS,
        )

    def _state_of(self, process: Process) -> State:
        return self.state_class.from_dict(process.state)


def _sent(process: Process, step: StrEnum, command: NewCommand, undoes: int | None = None) -> Step:
    return Step(
        sequence=process.trail.next_sequence(),
        name=step.value,
        direction=Direction.COMPENSATION if undoes else Direction.FORWARD,
        command_id=command.command_id,
        undoes=undoes,
        command=command,
    )


def _not_built(process: Process, forward: Step, error: Exception) -> Step:
    return Step(
        sequence=process.trail.next_sequence(),
        name=f"undo {forward.name}",
        direction=Direction.COMPENSATION,
        undoes=forward.id,
        outcome=StepOutcome.FAILED,
        error_code=COMPENSATION_NOT_BUILT,
        error_message=_told(error),
    )


def _told(error: Exception) -> str:
    """The error as people read it; one that is not meant for them is named too."""
    text = fit_text(error)
    if isinstance(error, ValueError) and text:
        return text
    return f"{fit_text(type(error).__name__, MAX_CODE)}: {text}"

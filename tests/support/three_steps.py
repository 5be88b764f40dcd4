"""A process of three steps, A, B and C; A and B can be undone.  Its script is the test's."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from processes.base import ProcessCommand, ProcessManager, ReceivedReply
from processes.bus.handlers import CommandMessage
from processes.engine import start_process, start_processes
from processes.models import Process
from tests.support.behaviours import Behaviour, succeed

DOMAIN = "test"
PROCESS_TYPE = "ThreeSteps"


class ThreeStep(StrEnum):
    A = "A"
    B = "B"
    C = "C"
    UNDO_A = "UNDO_A"
    UNDO_B = "UNDO_B"


@dataclass
class ThreeStepState:
    """What each step returned."""

    results: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"results": self.results}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ThreeStepState":
        return cls(**data)


class ThreeSteps(ProcessManager[ThreeStepState, ThreeStep]):
    """Each command carries what the steps before it returned."""

    process_type = PROCESS_TYPE
    domain = DOMAIN
    state_class = ThreeStepState
    step_class = ThreeStep

    def create_initial_state(self, data: dict[str, Any]) -> ThreeStepState:
        return ThreeStepState()

    def get_first_step(self, state: ThreeStepState) -> ThreeStep:
        return ThreeStep.A

    def build_command(self, step: ThreeStep, state: ThreeStepState) -> ProcessCommand:
        return ProcessCommand(step.value, {"results": state.results})

    def update_state(self, state: ThreeStepState, step: ThreeStep, reply: ReceivedReply) -> None:
        state.results[step.value] = reply.data

    def get_next_step(
        self, step: ThreeStep, reply: ReceivedReply, state: ThreeStepState
    ) -> ThreeStep | None:
        return {ThreeStep.A: ThreeStep.B, ThreeStep.B: ThreeStep.C}.get(step)

    def get_compensation_step(self, step: ThreeStep) -> ThreeStep | None:
        return {ThreeStep.A: ThreeStep.UNDO_A, ThreeStep.B: ThreeStep.UNDO_B}.get(step)


class Story:
    """A registered ``ThreeSteps`` manager with handlers whose behaviour a test sets.

    ``manager`` is a class of this test's own: set its attributes at will.  ``ran`` lists the
    deliveries so far, as (step, message).
    """

    def __init__(self) -> None:
        self.manager = type("ThreeSteps", (ThreeSteps,), {})
        self.ran: list[tuple[str, CommandMessage]] = []
        self._behaviours: dict[str, Behaviour] = {}

    def on(self, step: str, behaviour: Behaviour) -> None:
        """From now on the handler of ``step`` does this; by default it returns its own name."""
        self._behaviours[step] = behaviour

    def start(self, **data: Any) -> Process:
        return start_process(PROCESS_TYPE, data)

    def start_many(self, number: int) -> list[Process]:
        return start_processes(PROCESS_TYPE, [{}] * number)

    @property
    def steps_run(self) -> list[str]:
        return [step for step, _ in self.ran]

    def handler_of(self, step: str) -> Callable[[CommandMessage], Any]:
        def handle(message: CommandMessage) -> Any:
            self.ran.append((step, message))
            return self._behaviours.get(step, succeed({"did": step}))(message)

        return handle

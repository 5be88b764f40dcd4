from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from processes.base import ProcessCommand, ProcessManager, ReceivedReply
from processes.registry import register_process


class NoopStep(StrEnum):
    ONE = "NoopOne"
    TWO = "NoopTwo"
    THREE = "NoopThree"


@dataclass
class NoopState:
    done: int = 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data)


@register_process
class Noop(ProcessManager[NoopState, NoopStep]):
    process_type = "Noop"
    domain = "benchmark"
    state_class = NoopState
    step_class = NoopStep

    def create_initial_state(self, data: dict[str, Any]) -> NoopState:
        return NoopState()

    def get_first_step(self, state: NoopState) -> NoopStep:
        return NoopStep.ONE

    def build_command(self, step: NoopStep, state: NoopState) -> ProcessCommand:
        return ProcessCommand(step.value, {"done": state.done})

    def update_state(self, state: NoopState, step: NoopStep, reply: ReceivedReply) -> None:
        state.done += 1

    def get_next_step(
        self, step: NoopStep, reply: ReceivedReply, state: NoopState
    ) -> NoopStep | None:
        return {NoopStep.ONE: NoopStep.TWO, NoopStep.TWO: NoopStep.THREE}.get(step)

"""The audit trail of one process, in memory: what its manager reads and extends.

Nothing here touches the database.  The engine loads the steps, lets the manager record outcomes
and add steps, and then writes all changes of a whole batch in one statement.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from processes.bus.sending import NewCommand
from processes.states import Direction, StepOutcome


@dataclass(slots=True)
class Step:
    """A step as loaded (``id`` set) or as added now (``id`` None).

    ``undoes`` is the id of the forward step a compensation undoes; ``command`` the command to
    send for an added step, None on one that could not be built.
    """

    sequence: int
    name: str
    direction: Direction
    id: int | None = None
    command_id: uuid.UUID | None = None
    undoes: int | None = None
    outcome: StepOutcome | None = None
    parked: bool = False
    error_code: str = ""
    error_message: str = ""
    command: NewCommand | None = None

    @property
    def is_forward(self) -> bool:
        return self.direction == Direction.FORWARD

    @property
    def is_tried(self) -> bool:
        return self.outcome is not None or self.parked


@dataclass(slots=True)
class AuditTrail:
    """The steps of a process, in order; only the open one is loaded where that is enough."""

    process_id: uuid.UUID
    steps: list[Step] = field(default_factory=list)
    added: list[Step] = field(default_factory=list)

    def step_of(self, command_id: uuid.UUID) -> Step | None:
        return next((step for step in self.steps if step.command_id == command_id), None)

    def next_sequence(self) -> int:
        return max((step.sequence for step in self.steps), default=0) + 1

    def next_command_id(self) -> uuid.UUID:
        """The same for the same place in the trail, so that a step cannot be sent twice."""
        return uuid.uuid5(self.process_id, str(self.next_sequence()))

    def add(self, step: Step) -> None:
        self.steps.append(step)
        self.added.append(step)

    def completed_forward_latest_first(self) -> Iterable[Step]:
        done = [s for s in self.steps if s.is_forward and s.outcome == StepOutcome.SUCCESS]
        return sorted(done, key=lambda step: -step.sequence)

    def is_compensated(self, forward: Step) -> bool:
        """Its compensation is in the trail already, whatever came of it."""
        return any(step.undoes == forward.id for step in self.steps if not step.is_forward)

    def latest_compensation(self) -> Step | None:
        compensations = [step for step in self.steps if not step.is_forward]
        return max(compensations, key=lambda step: step.sequence, default=None)

"""What people are shown of processes and commands: what happened, what would, who did what."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from processes.base import REPLY_ADDRESS
from processes.bus.clock import BusNow
from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.querysets import ReplyQuerySet
from processes.bus.states import CommandStatus
from processes.models import OperatorAction, Process, ProcessStep
from processes.progress import load_trails
from processes.registry import manager_of
from processes.states import Direction, StepOutcome
from processes.trail import Step

MOST_STEPS = 500
MOST_EVENTS = 200
MOST_REPLIES = 200


@dataclass(frozen=True, slots=True)
class TrailRow:
    """A step with its command, as they were at ``read_at``."""

    step: ProcessStep
    command: Command | None
    read_at: datetime

    @property
    def standing(self) -> str:
        """The outcome, or where its command is on the way to one."""
        return self.step.outcome or (self.command.status if self.command else "")

    @property
    def is_parked(self) -> bool:
        return self.standing == CommandStatus.IN_TROUBLESHOOTING_QUEUE

    @property
    def was_parked(self) -> bool:
        return self.is_parked or self.step.parked_at is not None

    @property
    def is_undone_badly(self) -> bool:
        """A compensation that did not do its work, or not yet because it is parked."""
        bad = (
            StepOutcome.FAILED,
            StepOutcome.CANCELED,
            CommandStatus.IN_TROUBLESHOOTING_QUEUE,
        )
        return self.step.direction == Direction.COMPENSATION and self.standing in bad


@dataclass(frozen=True, slots=True)
class PlannedUndo:
    """What compensating does about one completed step.

    ``undone_by`` is empty where nothing needs to be undone; ``problem`` says why this code
    cannot tell.
    """

    sequence: int
    step: str
    undone_by: str = ""
    problem: str = ""


def trail_of(process: Process) -> list[TrailRow]:
    """The latest steps, in order; only an endless process has more than are read."""
    steps = process.steps.select_related("compensates").annotate(read_at=BusNow())
    latest = list(steps.defer("command_data").order_by("-sequence")[:MOST_STEPS])[::-1]
    ids = [step.command_id for step in latest if step.command_id]
    commands = Command.objects.defer("data", "edited_data").in_bulk(ids)
    return [
        TrailRow(step, commands.get(step.command_id) if step.command_id else None, step.read_at)
        for step in latest
    ]


def planned_compensations(processes: Sequence[Process]) -> dict[uuid.UUID, list[PlannedUndo]]:
    """For each process the completed steps not undone yet, in the order they would be undone."""
    load_trails(processes)
    return {
        process.id: [
            _planned(process, step)
            for step in process.trail.completed_forward_latest_first()
            if not process.trail.is_compensated(step)
        ]
        for process in processes
    }


def actions_about(process: Process, trail: Sequence[TrailRow]) -> list[OperatorAction]:
    """How operators moved on the process, its commands and their replies, in order."""
    command_ids = [row.step.command_id for row in trail if row.step.command_id]
    actions = OperatorAction.objects.resolutions().select_related("command", "reply").order_by()
    actions = actions.defer("command__data", "command__edited_data", "reply__data")
    to_process = actions.filter(Q(process=process) | Q(command__in=command_ids))
    # Apart, for an OR over a join would read the whole table.
    return list(
        to_process.union(actions.filter(reply__command__in=command_ids), all=True).order_by("id")
    )


def stuck_replies_of(process: Process) -> ReplyQuerySet:
    return Reply.objects.stuck().filter(reply_to=REPLY_ADDRESS, correlation_id=process.id)


def listed_commands(ids: Sequence[uuid.UUID]) -> list[Command]:
    """These commands, in this order, without their payload."""
    found = Command.objects.defer("data", "edited_data").in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def with_processes(commands: Iterable[Command], among: QuerySet[Process]) -> list[Any]:
    """The commands, each with its ``process``: None where it has none ``among`` these."""
    listed: list[Any] = list(commands)
    ids = {command.correlation_id for command in listed if command.correlation_id}
    processes = among.defer("data", "state").in_bulk(ids)
    for command in listed:
        command.process = processes.get(command.correlation_id)
    return listed


def was_parked(command: Command) -> bool:
    """It is or was in the TSQ."""
    is_parked = command.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE
    return is_parked or command.events.parkings().exists()


def event_log(command: Command) -> list[CommandEvent]:
    """The latest events of a command, oldest first."""
    return list(command.events.order_by("-id")[:MOST_EVENTS])[::-1]


def replies_of(command: Command) -> list[Reply]:
    """The latest replies of a command, oldest first."""
    return list(command.replies.order_by("-id")[:MOST_REPLIES])[::-1]


def actions_on(command: Command) -> list[OperatorAction]:
    """What operators did to the command and its replies, in order."""
    actions = OperatorAction.objects.order_by()
    to_replies = actions.filter(reply__command=command)
    return list(actions.filter(command=command).union(to_replies, all=True).order_by("id"))


def _planned(process: Process, step: Step) -> PlannedUndo:
    try:
        manager = manager_of(process.process_type)
        undoing = manager.get_compensation_step(manager.step_class(step.name))
    except Exception as error:  # a preview tells what it can, whatever the manager does
        return PlannedUndo(step.sequence, step.name, problem=f"{error}")
    return PlannedUndo(step.sequence, step.name, undone_by=undoing.value if undoing else "")

"""What an operator is shown of the troubleshooting queue, in few queries however long the list."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.querysets import PARKED
from processes.models import OperatorAction, ProcessStep
from processes.selectors import PlannedUndo, TrailRow, planned_compensations
from processes.states import Direction
from tsq.models import EntryNote, StuckReply, TsqEntry

MOST_NOTES = 200


class OfProcess(TypedDict):
    """The process a command or reply belongs to; all None where it has none."""

    process_id: uuid.UUID | None
    process_type: str | None
    process_status: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """An entry or stuck reply as a confirmation page names it.

    ``undone`` tells what canceling would compensate, in order; None if its process would not
    compensate because of it.
    """

    pk: object
    seen: int
    command: Command
    error_code: str
    error_message: str
    since: datetime | None
    step: ProcessStep | None
    undone: list[PlannedUndo] | None = None


def listed_entries() -> QuerySet[TsqEntry]:
    """The parked commands with who claimed them, without their payload."""
    return TsqEntry.objects.select_related("entry_claim").defer("data", "edited_data")


def with_steps(entries: Iterable[Command]) -> list[Any]:
    """The entries, each with its ``step`` and so its process; None where it has none."""
    listed: list[Any] = list(entries)
    steps = steps_of(entry.pk for entry in listed)
    for entry in listed:
        entry.step = steps.get(entry.pk)
    return listed


def replies_with_steps(replies: Iterable[Reply]) -> list[Any]:
    """The replies, each with the ``step`` of its command; None where it has none."""
    listed: list[Any] = list(replies)
    steps = steps_of(reply.command_id for reply in listed)
    for reply in listed:
        reply.step = steps.get(reply.command_id)
    return listed


def listed_stuck_replies() -> QuerySet[StuckReply]:
    replies = StuckReply.objects.select_related("command").defer("data", "command__data")
    return replies.annotate(**of_process("command_id"))


def entries_ever() -> QuerySet[Command]:
    """Every command that is or was in the TSQ."""
    parked = CommandEvent.objects.parkings().filter(command=OuterRef("pk"))
    return Command.objects.filter(PARKED | Exists(parked))


def entries_with_process_state() -> QuerySet[Command]:
    """For the page of one: with its claim, and the id and state of its process."""
    step = ProcessStep.objects.filter(command_id=OuterRef("pk"))
    entries = entries_ever().select_related("entry_claim")
    return entries.annotate(
        process_id=Subquery(step.values("process_id")),
        process_state=Subquery(step.values("process__state")),
    )


def step_in(trail: Sequence[TrailRow], entry: Any) -> ProcessStep | None:
    """The step of an ``entry`` with its process's state, from the trail of that process."""
    for row in trail:
        if row.step.command_id == entry.pk:
            row.step.process.state = entry.process_state
            return row.step
    return steps_of([entry.pk], with_state=True).get(entry.pk)  # of none, or of an endless one


def stuck_replies_ever() -> QuerySet[Reply]:
    """Stuck replies, and those an operator had handled again or gave up."""
    acted_on = OperatorAction.objects.filter(reply=OuterRef("pk"))
    replies = Reply.objects.select_related("command")
    return replies.filter(Q(pk__in=StuckReply.objects.values("pk")) | Exists(acted_on))


def entry_subjects(entries: Sequence[TsqEntry]) -> list[Subject]:
    """The entries with their steps and what canceling each would compensate."""
    steps = steps_of(entry.pk for entry in entries)
    forward = [step for step in steps.values() if step.direction == Direction.FORWARD]
    processes = {step.process_id: step.process for step in forward}
    plans = planned_compensations(list(processes.values()))
    undone = {step.command_id: plans[step.process_id] for step in forward}
    return [
        Subject(
            entry.pk,
            entry.deliveries,
            entry,
            entry.last_error_code,
            entry.last_error_message,
            entry.parked_at,
            steps.get(entry.pk),
            undone.get(entry.pk),
        )
        for entry in entries
    ]


def reply_subjects(replies: Sequence[StuckReply]) -> list[Subject]:
    steps = steps_of(reply.command_id for reply in replies)
    return [
        Subject(
            reply.pk,
            reply.version,
            reply.command,
            reply.outcome,
            reply.last_error,
            reply.created_at,
            steps.get(reply.command_id),
        )
        for reply in replies
    ]


def steps_of(
    command_ids: Iterable[uuid.UUID], *, with_state: bool = False
) -> dict[uuid.UUID | None, ProcessStep]:
    """The steps these commands were sent for, with their processes; others are missing."""
    steps = ProcessStep.objects.filter(command_id__in=list(command_ids))
    loaded = steps.select_related("process", "compensates").defer("command_data")
    if not with_state:
        loaded = loaded.defer("process__state", "process__data")
    return {step.command_id: step for step in loaded}


def notes_of(command: Command) -> list[EntryNote]:
    """The latest notes, oldest first."""
    return list(command.notes.order_by("-id")[:MOST_NOTES])[::-1]


def of_process(command_id: str) -> dict[str, Subquery]:
    step = ProcessStep.objects.filter(command_id=OuterRef(command_id))
    return {
        "process_id": Subquery(step.values("process_id")),
        "process_type": Subquery(step.values("process__process_type")),
        "process_status": Subquery(step.values("process__status")),
    }

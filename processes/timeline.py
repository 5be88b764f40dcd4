"""What happened to a process, step by step, as times on a common scale.

``timeline_of(process)`` is drawn by ``templates/processes/_timeline.html``: a lane of forward steps
above one of compensations, one bar per step.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from processes import drawing
from processes.bus.models import CommandEvent
from processes.bus.states import EventType
from processes.drawing import Mark, Scale, Tick
from processes.models import Process
from processes.selectors import TrailRow, trail_of
from processes.states import Direction

MOST_BARS = 60
"""A longer process shows its latest steps; the others are told as a number."""
MOST_EVENTS = 1000

LEAVES_TSQ = (
    EventType.OPERATOR_RETRY,
    EventType.OPERATOR_COMPLETE,
    EventType.OPERATOR_CANCEL,
    EventType.OPERATOR_EDIT,
)
MOVES = (EventType.PARKED, *LEAVES_TSQ)

Wait = tuple[datetime, datetime | None]
"""Parked at, and taken out of the TSQ at; None while it is in there."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A step: its whole time, and the waits in the TSQ within, drawn over it."""

    row: TrailRow
    y: int
    whole: Mark
    waits: list[Mark]
    took: str
    waited: str
    deliveries: int

    @property
    def kind(self) -> str:
        """How its bar is coloured."""
        if self.row.step.outcome:
            return self.row.step.outcome.lower()
        return "parked" if self.row.is_parked else "moving"

    @property
    def note(self) -> str:
        """What stands beside the bar."""
        told = [self.took, f"TSQ {self.waited}" if self.waited else ""]
        told += [f"{self.deliveries} deliveries" if self.deliveries > 1 else ""]
        return " · ".join(filter(None, told)) or drawing.words(self.row.standing)

    @property
    def says(self) -> str:
        """The bar in words, for those who hover and those who listen."""
        step = self.row.step
        told = [str(step), f"undoes {step.compensates.step}" if step.compensates else ""]
        told += [drawing.words(self.row.standing), f"after {self.took}" if self.took else ""]
        told += [f"of which {self.waited} in the TSQ" if self.waited else ""]
        told += [f"delivered {self.deliveries} times" if self.deliveries > 1 else ""]
        told += [step.error_code]
        return ", ".join(filter(None, told))


@dataclass(frozen=True, slots=True)
class LaneOfSteps:
    name: str
    y: int
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Timeline:
    process: Process
    lanes: list[LaneOfSteps]
    ticks: list[Tick]
    height: int
    left_out: int
    """How many earlier steps are not drawn."""

    @property
    def bars(self) -> list[Bar]:
        return [bar for lane in self.lanes for bar in lane.bars]


def timeline_of(
    process: Process,
    trail: Sequence[TrailRow] | None = None,
    events: Sequence[CommandEvent] = (),
) -> Timeline:
    """The latest steps of ``process``; pass what is at hand: its trail, the events of a command."""
    rows = list(trail_of(process) if trail is None else trail)
    shown = rows[-MOST_BARS:]
    waits = _waits_in_tsq(shown, events)
    now = shown[-1].read_at if shown else process.updated_at
    is_over = all(row.step.outcome for row in shown)
    end = process.completed_at if process.completed_at and is_over else now
    scale = Scale(_first_moment(process, shown), end, now)
    lanes, y = [], drawing.TOP
    for direction in Direction:
        lane = [row for row in shown if row.step.direction == direction]
        if lane:
            bars_y = y + drawing.ROW
            bars = [_bar(r, waits, scale, bars_y + i * drawing.ROW) for i, r in enumerate(lane)]
            lanes.append(LaneOfSteps(str(direction.label), y, bars))
            y = bars_y + len(lane) * drawing.ROW + drawing.GAP
    left_out = shown[0].step.sequence - 1 if shown else 0
    return Timeline(process, lanes, scale.ticks(), y, left_out)


def _bar(row: TrailRow, waits: dict[uuid.UUID, list[Wait]], scale: Scale, y: int) -> Bar:
    step = row.step
    start = step.sent_at or step.received_at or scale.end
    end = step.received_at or scale.end
    own = waits.get(step.command_id, []) if step.command_id else []
    marks = [scale.mark(since, until or scale.now) for since, until in own]
    waited = sum(((until or scale.now) - since).total_seconds() for since, until in own)
    return Bar(
        row,
        y,
        scale.mark(start, end),
        marks,
        drawing.duration((end - start).total_seconds()) if step.sent_at else "",
        drawing.duration(waited) if own else "",
        row.command.deliveries if row.command else 0,
    )


def _first_moment(process: Process, rows: Sequence[TrailRow]) -> datetime:
    """Where the scale begins: with the process, or with the first step shown of a long one."""
    if rows and rows[0].step.sequence > 1:
        return rows[0].step.sent_at or rows[0].step.received_at or process.created_at
    return process.created_at


def _waits_in_tsq(
    rows: Iterable[TrailRow], known: Sequence[CommandEvent]
) -> dict[uuid.UUID, list[Wait]]:
    """For each command that was ever parked, when it was in the TSQ."""
    at_hand = {event.command_id for event in known}
    parked = {row.step.command_id for row in rows if row.was_parked}
    moves = [(event.command_id, event.type, event.at) for event in known]
    if missing := parked - at_hand:
        events = CommandEvent.objects.filter(command__in=missing, type__in=MOVES).order_by("id")
        moves += events.values_list("command_id", "type", "at")[:MOST_EVENTS]
    waits: dict[uuid.UUID, list[Wait]] = defaultdict(list)
    for command_id, event, at in moves:
        if event not in MOVES:
            continue
        if event == EventType.PARKED:
            waits[command_id].append((at, None))
        elif waits[command_id]:
            waits[command_id][-1] = (waits[command_id][-1][0], at)
    return waits

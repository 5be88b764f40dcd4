"""The arithmetic of the console's drawings; the SVG itself is written by templates."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from processes.dashboard import Arrivals
from processes.models import Process
from processes.states import ProcessStatus

TOP, ROW, GAP = 26, 24, 10
"""Heights of a timeline: its axis, one step, and the room below a lane."""
LEFT, PLOT = 190, 420
"""Where the bars of a timeline begin, and how wide they are; notes stand beside them."""
THINNEST = 3.0
TICKS = 4


@dataclass(frozen=True, slots=True)
class Mark:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Moments between ``start`` and ``end`` on the width of the plot."""

    start: datetime
    end: datetime
    now: datetime

    @property
    def seconds(self) -> float:
        return max((self.end - self.start).total_seconds(), 0.001)

    def mark(self, since: datetime, until: datetime) -> Mark:
        """Never too thin to be seen, never outside the plot."""
        left, right = self._x(since), self._x(until)
        width = max(right - left, THINNEST)
        return Mark(round(min(left, LEFT + PLOT - width), 1), round(width, 1))

    def ticks(self) -> list[Tick]:
        step = self.seconds / TICKS
        return [
            Tick(round(LEFT + PLOT * i / TICKS, 1), f"+{duration(step * i)}" if i else "start")
            for i in range(TICKS + 1)
        ]

    def _x(self, moment: datetime) -> float:
        share = (moment - self.start).total_seconds() / self.seconds
        return LEFT + PLOT * min(max(share, 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Column:
    """An hour of a sparkline; ``y`` is its top."""

    x: int
    y: float
    height: float
    says: str


@dataclass(frozen=True, slots=True)
class Columns:
    columns: list[Column]
    since: datetime
    total: int
    busiest: str


COLUMN_WIDTH, COLUMNS_HEIGHT = 10, 44


def columns(arrivals: Sequence[Arrivals]) -> Columns:
    """A sparkline of what arrived each hour; an hour without arrivals is a line at the bottom."""
    most = max(arrivals, key=lambda hour: hour.number)
    drawn = []
    for i, hour in enumerate(arrivals):
        height = round(max(1.0, COLUMNS_HEIGHT * hour.number / max(most.number, 1)), 1)
        says = f"{hour.hour:%H:%M}: {hour.number}"
        drawn.append(Column(i * COLUMN_WIDTH, round(COLUMNS_HEIGHT - height, 1), height, says))
    total = sum(hour.number for hour in arrivals)
    return Columns(
        drawn, arrivals[0].hour, total, f"{most.hour:%H:%M}: {most.number}" if total else ""
    )


def duration(seconds: float) -> str:
    """In the two largest units: 12 ms, 3.4 s, 5 min 10 s, 2 h 5 min, 3 d 4 h."""
    if seconds < 0.9995:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(whole.seconds, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(whole.days, "d"), (hours, "h"), (minutes, "min"), (left, "s")]
    first = next(i for i, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number)


def words(status: str) -> str:
    """A status as people say it."""
    spoken = status.replace("IN_TROUBLESHOOTING_QUEUE", "in TSQ").replace("_", " ").lower()
    return spoken.replace("tsq", "TSQ")


MACHINE_PLACES: dict[str, tuple[int, int]] = {
    ProcessStatus.PENDING: (0, 0),
    ProcessStatus.WAITING_FOR_REPLY: (1, 0),
    ProcessStatus.WAITING_FOR_TSQ: (1, 2),
    ProcessStatus.IN_PROGRESS: (2, 0),
    ProcessStatus.FAILED: (2, 1),
    ProcessStatus.COMPENSATING: (2, 2),
    ProcessStatus.COMPLETED: (3, 0),
    ProcessStatus.COMPENSATED: (3, 2),
}
"""Column and row of each status."""
BOX_WIDTH, BOX_HEIGHT, COLUMN, LINE = 146, 30, 232, 66
APART = 5
"""Between the two arrows of statuses that lead to each other."""


@dataclass(frozen=True, slots=True)
class Box:
    status: str
    x: int
    y: int
    is_current: bool

    @property
    def words(self) -> str:
        return words(self.status)

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + BOX_WIDTH / 2, self.y + BOX_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Arrow:
    name: str
    source: str
    target: str
    start: tuple[float, float]
    end: tuple[float, float]
    leaves_current: bool

    @property
    def source_words(self) -> str:
        return words(self.source)

    @property
    def target_words(self) -> str:
        return words(self.target)


@dataclass(frozen=True, slots=True)
class Machine:
    current: str
    boxes: list[Box]
    arrows: list[Arrow]

    @property
    def current_words(self) -> str:
        return words(self.current)


def process_machine(current: str) -> Machine:
    """The status machine of processes, as its transitions are declared."""
    boxes = {
        status: Box(status, 2 + x * COLUMN, 2 + y * LINE, status == current)
        for status, (x, y) in MACHINE_PLACES.items()
    }
    moves = {
        (str(move.source), str(move.target)): move.name
        for move in Process().get_all_status_transitions()  # type: ignore[attr-defined]
    }
    arrows = [
        _arrow(name, boxes[source], boxes[target], apart=(target, source) in moves)
        for (source, target), name in sorted(moves.items())
    ]
    return Machine(current, list(boxes.values()), arrows)


def _arrow(name: str, source: Box, target: Box, *, apart: bool) -> Arrow:
    (x1, y1), (x2, y2) = source.middle, target.middle
    length = math.hypot(x2 - x1, y2 - y1)
    aside = (-(y2 - y1) / length * APART, (x2 - x1) / length * APART) if apart else (0.0, 0.0)
    start, end = _border(x1, y1, x2, y2), _border(x2, y2, x1, y1)
    return Arrow(
        name.replace("_", " "),
        source.status,
        target.status,
        (round(start[0] + aside[0], 1), round(start[1] + aside[1], 1)),
        (round(end[0] + aside[0], 1), round(end[1] + aside[1], 1)),
        source.is_current,
    )


def _border(x: float, y: float, towards_x: float, towards_y: float) -> tuple[float, float]:
    """Where the line from the middle of a box leaves it."""
    dx, dy = towards_x - x, towards_y - y
    reach = min(
        BOX_WIDTH / 2 / abs(dx) if dx else math.inf, BOX_HEIGHT / 2 / abs(dy) if dy else math.inf
    )
    return x + dx * reach, y + dy * reach

"""How much was delivered, how it ended, what operators did, and how long handlers took.

    count_*, observe   in memory, under a lock, cheap enough for the hot path
    flush              adds what was counted to the table, in one statement
    read               what /metrics shows: sums over all processes, that only ever grow

Workers flush now and then and when they end; processes that are no workers flush after each thing
they counted.  A process that is killed takes its last few seconds of counts along: they are for
charts, while the event log is the truth.
"""

import logging
import os
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

from django.db import DatabaseError, InterfaceError, connection, transaction

from processes.bus import sql
from processes.bus.handlers import Lane, find_handler
from processes.bus.models import Measure
from processes.bus.states import EventType

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, float("inf"))
"""Upper bounds of the histogram of handler seconds."""

UNKNOWN_LANE = ("", "")
"""Types that no code handles are counted together: anyone may send any number of them."""

_DELIVERED, _MICROSECONDS = "delivered", "microseconds"
_OUTCOME, _RESOLVED, _SECONDS = "outcome:", "resolved:", "seconds:"
_IN_BUCKET = tuple(f"{_SECONDS}{bound}" for bound in BUCKETS)

# Parameters: arrays domain, command type, measure, count.
_ADD = """
INSERT INTO bus_measure (domain, command_type, measure, count)
SELECT * FROM unnest(%b::text[], %b::text[], %b::text[], %b::bigint[]) ORDER BY 1, 2, 3
ON CONFLICT (domain, command_type, measure) DO UPDATE
    SET count = bus_measure.count + excluded.count
RETURNING count
"""


@dataclass(frozen=True, slots=True)
class Durations:
    """Of all runs of a handler: those that took up to each bound, their number, and their sum."""

    buckets: tuple[tuple[float, int], ...]
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LaneMeasures:
    """What was counted of one command type; both names are empty for types no code handles.

    ``outcomes`` by event, ``resolutions`` by the operators' verb.
    """

    domain: str
    command_type: str
    delivered: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    resolutions: dict[str, int] = field(default_factory=dict)
    durations: Durations | None = None


class _Pending:
    """Counted, and not yet written."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.counts: Counter[tuple[Lane, str]] = Counter()
        self.flushed_at = float("-inf")
        self.is_gathering = False

    def add(self, counts: Mapping[tuple[Lane, str], int]) -> None:
        with self.lock:
            self.counts.update(counts)

    def take(self) -> Counter[tuple[Lane, str]]:
        with self.lock:
            taken, self.counts = self.counts, Counter()
            self.flushed_at = time.monotonic()
        return taken


_pending = _Pending()


def _start_anew() -> None:
    """What a process counted before it forked is its own to write."""
    global _pending  # noqa: PLW0603
    _pending = _Pending()


os.register_at_fork(after_in_child=_start_anew)


def count_deliveries(lanes: Iterable[Lane]) -> None:
    _pending.add(Counter((lane, _DELIVERED) for lane in lanes))


def count_outcomes(outcomes: Iterable[tuple[Lane, EventType]]) -> None:
    """Count what was decided, once it is committed."""
    counts = Counter((lane, f"{_OUTCOME}{event}") for lane, event in outcomes)
    transaction.on_commit(partial(_pending.add, counts))


def count_resolutions(lanes: Iterable[Lane], verb: str) -> None:
    """An operator resolved commands of these lanes; to be called when that is committed."""
    _pending.add(Counter((lane, f"{_RESOLVED}{verb}") for lane in lanes))
    flush_unless_gathering()


def observe(lane: Lane, seconds: float) -> None:
    """A handler of this lane just took so long."""
    bucket = _IN_BUCKET[bisect_left(BUCKETS, seconds)]
    _pending.add({(lane, bucket): 1, (lane, _MICROSECONDS): round(seconds * 1_000_000)})


def gather() -> None:
    """Write only now and then in this process, which promises to ``flush`` before it ends."""
    _pending.is_gathering = True


def flush_unless_gathering() -> None:
    if _pending.is_gathering:
        flush_now_and_then()
    else:
        flush()


def flush_now_and_then() -> None:
    if time.monotonic() - _pending.flushed_at >= FLUSH_SECONDS:
        flush()


def flush() -> None:
    """Write what was counted; never inside a transaction, which would keep the rows locked.

    What cannot be written now is kept for the next time; nobody fails over it.
    """
    if connection.in_atomic_block:
        return
    counts = _pending.take()
    if not counts:
        return
    known: Counter[tuple[str, str, str]] = Counter()
    for (lane, measure), count in counts.items():
        known[(*(lane if find_handler(*lane) else UNKNOWN_LANE), measure)] += count
    try:
        sql.run(_ADD, sql.columns([(*key, count) for key, count in known.items()], 4))
    except (DatabaseError, InterfaceError) as error:
        logger.warning("What was counted is written later: %s", error)
        _pending.add(counts)
        connection.close_if_unusable_or_obsolete()


def read() -> list[LaneMeasures]:
    """Everything that was ever counted and written, by domain and command type."""
    lanes: defaultdict[Lane, dict[str, int]] = defaultdict(dict)
    rows = Measure.objects.order_by("domain", "command_type")
    for domain, command_type, measure, count in rows.values_list(
        "domain", "command_type", "measure", "count"
    ):
        lanes[domain, command_type][measure] = count
    return [_measures_of(lane, counts) for lane, counts in lanes.items()]


def _measures_of(lane: Lane, counts: dict[str, int]) -> LaneMeasures:
    return LaneMeasures(
        *lane,
        delivered=counts.get(_DELIVERED, 0),
        outcomes=_starting_with(_OUTCOME, counts),
        resolutions=_starting_with(_RESOLVED, counts),
        durations=_durations(counts),
    )


def _durations(counts: dict[str, int]) -> Durations | None:
    by_bound = {float(b): count for b, count in _starting_with(_SECONDS, counts).items()}
    if not by_bound:
        return None
    up_to = [(most, sum(n for bound, n in by_bound.items() if bound <= most)) for most in BUCKETS]
    return Durations(tuple(up_to), up_to[-1][1], counts.get(_MICROSECONDS, 0) / 1_000_000)


def _starting_with(prefix: str, counts: dict[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in counts.items() if name.startswith(prefix)}

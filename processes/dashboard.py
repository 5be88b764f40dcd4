"""How the system does, in few and bounded queries: for the dashboard, the command line and REST.

``domains`` are those a person is limited to; None counts them all.  No count goes further than
``MOST_COUNTED``, however big the tables are.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet

from processes.bus.handlers import Lane
from processes.bus.models import Command
from processes.bus.querysets import MAX_TRIES
from processes.bus.states import EventType
from processes.heartbeat import WorkerHeartbeat, live_clusters
from processes.invariants import oldest_due_seconds
from processes.states import ProcessStatus

MOST_COUNTED = 50_000
HOURS = 24
ENDED_WELL = (ProcessStatus.COMPLETED, ProcessStatus.COMPENSATED)
"""On the dashboard only those of the last 24 hours are counted: the others are history."""

STORED_STATUSES = [status for status in ProcessStatus if status != ProcessStatus.IN_PROGRESS]

Domains = Collection[str] | None

PROCESSES = """
SELECT wanted.status,
    CASE WHEN wanted.status = ANY(%(recent)s::text[])
        THEN bus_now() - make_interval(hours => %(hours)s) END,
    (SELECT count(*) FROM (
    SELECT FROM processes_process p WHERE p.status = wanted.status
        AND (%(domains)s::text[] IS NULL OR p.domain = ANY(%(domains)s::text[]))
        AND (wanted.status <> ALL(%(recent)s::text[])
            OR p.created_at > bus_now() - make_interval(hours => %(hours)s))
    LIMIT %(most)s) AS counted)
FROM unnest(%(statuses)s::text[]) AS wanted(status)
"""

STUCK = """
    SELECT FROM bus_reply r JOIN bus_command c ON c.id = r.command_id
    WHERE r.handled_at IS NULL AND r.tries >= %(tries)s AND r.retry_at <= bus_now()
        AND (%(domains)s::text[] IS NULL OR c.domain = ANY(%(domains)s::text[]))
    LIMIT %(most)s
"""

# What waits for an operator, and since when.
_TROUBLES = f"""
SELECT count(*), min(parked_at), bus_now(), (SELECT count(*) FROM ({STUCK}) AS stuck)
FROM (
    SELECT parked_at FROM bus_command WHERE status = 'IN_TROUBLESHOOTING_QUEUE'
        AND (%(domains)s::text[] IS NULL OR domain = ANY(%(domains)s::text[]))
    ORDER BY parked_at, id LIMIT %(most)s) AS parked
"""

_ARRIVALS = """
WITH hours AS (SELECT date_trunc('hour', bus_now(), 'UTC') AS latest)
SELECT hour, count(parked.at)
FROM hours CROSS JOIN generate_series(
    latest - make_interval(hours => %(hours_ago)s), latest, interval '1 hour') AS hour
LEFT JOIN (
    SELECT date_trunc('hour', e.at, 'UTC') AS hour, e.at FROM bus_commandevent e
    WHERE e.type = %(event)s
        AND e.at >= date_trunc('hour', bus_now(), 'UTC') - make_interval(hours => %(hours_ago)s)
        AND (%(domains)s::text[] IS NULL OR EXISTS (SELECT FROM bus_command c
            WHERE c.id = e.command_id AND c.domain = ANY(%(domains)s::text[])))
) AS parked USING (hour)
GROUP BY hour ORDER BY hour
"""

# Reads the latest events only, by primary key: how many of them completed a command in the last
# minutes, and over how many seconds these events reach.
_THROUGHPUT = """
SELECT count(*) FILTER (WHERE e.type = 'COMPLETED'
        AND (%(domains)s::text[] IS NULL OR c.domain = ANY(%(domains)s::text[]))),
    count(*), extract(epoch FROM bus_now() - min(e.at))::float8
FROM (SELECT * FROM bus_commandevent ORDER BY id DESC LIMIT %(events)s) AS e
JOIN bus_command c ON c.id = e.command_id
WHERE e.at > bus_now() - make_interval(secs => %(seconds)s)
"""
LATEST_EVENTS = 3000
LATELY_SECONDS = 300


@dataclass(frozen=True, slots=True)
class StatusCount:
    status: ProcessStatus
    number: int
    since: datetime | None
    """Counted are only those started later."""

    @property
    def is_cut(self) -> bool:
        return self.number >= MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Troubles:
    """What waits for an operator: parked commands and stuck replies."""

    open_entries: int
    oldest_parked_at: datetime | None
    now: datetime
    stuck_replies: int

    @property
    def is_cut(self) -> bool:
        return self.open_entries >= MOST_COUNTED

    @property
    def stuck_is_cut(self) -> bool:
        return self.stuck_replies >= MOST_COUNTED

    @property
    def oldest_seconds(self) -> float:
        parked_at = self.oldest_parked_at
        return (self.now - parked_at).total_seconds() if parked_at else 0.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    hour: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Workers:
    """The clusters that live; ``overdue_seconds`` is asked for only if there are none."""

    clusters: list[WorkerHeartbeat]
    overdue_seconds: float

    @property
    def number(self) -> int:
        return sum(cluster.workers for cluster in self.clusters)

    @property
    def hosts(self) -> list[str]:
        return sorted({cluster.host for cluster in self.clusters})

    @property
    def are_missed(self) -> bool:
        """Work is due, and nobody is there to do it."""
        return not self.clusters and self.overdue_seconds > 0


def process_counts(
    domains: Domains = None, recent: Collection[ProcessStatus] = ENDED_WELL
) -> list[StatusCount]:
    """Of every status that is ever stored; of the ``recent`` ones only the last 24 hours."""
    rows = run_bounded(PROCESSES, domains, **process_parameters(recent))
    counted = {status: StatusCount(ProcessStatus(status), n, since) for status, since, n in rows}
    return [counted[status] for status in STORED_STATUSES]


def process_parameters(recent: Collection[ProcessStatus] = ENDED_WELL) -> dict[str, Any]:
    """What ``PROCESSES`` is run with."""
    names = {"statuses": [str(s) for s in STORED_STATUSES], "recent": [str(s) for s in recent]}
    return names | {"hours": HOURS}


def troubles(domains: Domains = None) -> Troubles:
    (row,) = run_bounded(_TROUBLES, domains, tries=MAX_TRIES)
    return Troubles(*row)


def arrivals(domains: Domains = None) -> list[Arrivals]:
    """How many commands were parked in each of the last 24 hours, this one last."""
    rows = run_bounded(_ARRIVALS, domains, event=EventType.PARKED, hours_ago=HOURS - 1)
    return [Arrivals(hour, number) for hour, number in rows]


def completed_per_minute(domains: Domains = None) -> float:
    """Of the last five minutes; of the latest events only, where these are many."""
    parameters = {"events": LATEST_EVENTS, "seconds": LATELY_SECONDS}
    ((completed, read, reach),) = run_bounded(_THROUGHPUT, domains, **parameters)
    seconds = max(reach, 1.0) if read == LATEST_EVENTS else LATELY_SECONDS
    return float(completed * 60 / seconds)


def workers() -> Workers:
    clusters = list(live_clusters())
    return Workers(clusters, 0.0 if clusters else oldest_due_seconds())


def waiting_for_code(domains: Domains = None) -> list[tuple[Lane, int]]:
    """How many commands of which lane wait for a worker that has a handler for them."""
    waiting: QuerySet[Any] = Command.objects.waiting_for_code()
    if domains is not None:
        waiting = waiting.filter(domain__in=domains)
    counted = waiting.values_list("domain", "command_type").annotate(number=Count("id"))
    return [((domain, name), number) for domain, name, number in counted.order_by("-number")]


def run_bounded(statement: str, domains: Domains, **parameters: Any) -> list[tuple[Any, ...]]:
    """Bound on the client, so that each is planned for the values at hand."""
    limits = {"domains": None if domains is None else list(domains), "most": MOST_COUNTED}
    with connection.cursor() as cursor:
        cursor.execute(statement, limits | parameters)
        return cursor.fetchall()

"""How much there is of everything at this moment, in one bounded statement: for the metrics.

Only what an index counts: commands that are not finished yet, open TSQ entries, stuck replies,
and processes as on the dashboard.  How many commands ever ended, ``processes.bus.measures`` tells.
"""

from collections import defaultdict
from dataclasses import dataclass

from processes.bus.querysets import MAX_TRIES
from processes.bus.statements import UNSETTLED, WAITING
from processes.bus.states import CommandStatus
from processes.dashboard import (
    PROCESSES,
    STORED_STATUSES,
    STUCK,
    Domains,
    process_parameters,
    run_bounded,
)

MOST_ERRORS = 100
OTHERS = ("", "(others)")
OPEN_STATUSES = (
    CommandStatus.PENDING,
    CommandStatus.IN_PROGRESS,
    CommandStatus.IN_TROUBLESHOOTING_QUEUE,
)
_MINE = "(%(domains)s::text[] IS NULL OR domain = ANY(%(domains)s::text[]))"

_GAUGES = f"""
SELECT 'process' AS kind, status AS name, '' AS domain, number, 0::float8 AS seconds
FROM ({PROCESSES}) AS p(status, since, number)
UNION ALL
SELECT 'command', status, '', count(*), 0 FROM (
    (SELECT status FROM bus_command WHERE {WAITING} AND {_MINE} LIMIT %(most)s)
    UNION ALL
    (SELECT status FROM bus_command WHERE {UNSETTLED} AND {_MINE} LIMIT %(most)s)
) AS unfinished GROUP BY status
UNION ALL
SELECT 'entry', last_error_code, domain, count(*),
    extract(epoch FROM bus_now() - min(parked_at))::float8
FROM (
    SELECT last_error_code, domain, parked_at FROM bus_command
    WHERE status = '{CommandStatus.IN_TROUBLESHOOTING_QUEUE}' AND {_MINE}
    ORDER BY parked_at, id LIMIT %(most)s
) AS parked GROUP BY domain, last_error_code
UNION ALL
SELECT 'stuck', '', '', count(*), 0 FROM ({STUCK}) AS stuck
"""


@dataclass(frozen=True, slots=True)
class Gauges:
    """``entries`` by domain and error code, the most frequent ones; the rest are ``OTHERS``."""

    processes: dict[str, int]
    commands: dict[str, int]
    entries: dict[tuple[str, str], int]
    oldest_parked_seconds: float
    stuck_replies: int


def gauges(domains: Domains = None) -> Gauges:
    """``domains`` are those to look at; None looks at them all."""
    found: defaultdict[str, list[tuple[str, str, int, float]]] = defaultdict(list)
    parameters = process_parameters() | {"tries": MAX_TRIES}
    for kind, *row in run_bounded(_GAUGES, domains, **parameters):
        found[kind].append(tuple(row))
    processes = {name: number for name, _, number, _ in found["process"]}
    commands = {name: number for name, _, number, _ in found["command"]}
    entries = {(domain, code): number for code, domain, number, _ in found["entry"]}
    commands[CommandStatus.IN_TROUBLESHOOTING_QUEUE] = sum(entries.values())
    ((_, _, stuck, _),) = found["stuck"]
    return Gauges(
        processes={status: processes[status] for status in STORED_STATUSES},
        commands={status: commands.get(status, 0) for status in OPEN_STATUSES},
        entries=_most_frequent(entries),
        oldest_parked_seconds=max((seconds for *_, seconds in found["entry"]), default=0.0),
        stuck_replies=stuck,
    )


def _most_frequent(entries: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Error codes are whatever handlers say; Prometheus keeps a series of each for long."""
    ranked = sorted(entries.items(), key=lambda entry: (-entry[1], entry[0]))
    rest = sum(number for _, number in ranked[MOST_ERRORS:])
    return dict(ranked[:MOST_ERRORS]) | ({OTHERS: rest} if rest else {})

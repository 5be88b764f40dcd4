"""What must always hold between processes, steps, commands and replies; and what holds it up.

Each invariant is one statement, and so sees one moment, while the workers go on.  Processes with
an unhandled reply are on their way and left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Count

from processes.bus import sql
from processes.bus.claims import overdue_commands_seconds
from processes.bus.handlers import Lane
from processes.bus.models import Command, Reply
from processes.bus.states import (
    FINAL_OUTCOMES,
    FINAL_STATUSES,
    CommandStatus,
    quoted,
)
from processes.engine import reply_due_in
from processes.registry import known_process_types
from processes.states import TERMINAL_STATUSES, Direction, ProcessStatus

SETTLED_PROCESS = """NOT EXISTS (SELECT FROM bus_reply r WHERE r.reply_to = 'processes'
    AND r.handled_at IS NULL AND r.correlation_id = p.id)"""

_OUTSTANDING = f"""
    SELECT s.process_id, count(*) AS open,
        count(*) FILTER (WHERE c.status = '{CommandStatus.IN_TROUBLESHOOTING_QUEUE}') AS parked
    FROM processes_processstep s JOIN bus_command c ON c.id = s.command_id
    WHERE s.direction = '{Direction.FORWARD}' AND s.outcome IS NULL
        AND c.status NOT IN {quoted(FINAL_STATUSES)}
    GROUP BY s.process_id
"""

_UNTRIED = f"""
    SELECT process_id, count(*) AS open FROM processes_processstep
    WHERE direction = '{Direction.COMPENSATION}' AND outcome IS NULL AND parked_at IS NULL
    GROUP BY process_id
"""

WAITING_FOR_TSQ_IS_PARKED = f"""
SELECT p.id, format('status %s, but %s parked outstanding command(s)', p.status,
    coalesce(o.parked, 0))
FROM processes_process p LEFT JOIN ({_OUTSTANDING}) o ON o.process_id = p.id
WHERE (p.status = '{ProcessStatus.WAITING_FOR_TSQ}') <> (coalesce(o.parked, 0) > 0)
    AND {SETTLED_PROCESS}
"""

FINAL_COMMAND_HAS_FINAL_REPLY = f"""
SELECT c.id, format('status %s, but %s final reply', c.status,
    CASE WHEN r.id IS NULL THEN 'no' ELSE 'a' END)
FROM bus_command c
LEFT JOIN bus_reply r ON r.command_id = c.id AND r.outcome IN {quoted(FINAL_OUTCOMES)}
WHERE c.reply_to <> '' AND (c.status IN {quoted(FINAL_STATUSES)}) <> (r.id IS NOT NULL)
"""

OPEN_PROCESS_HAS_ONE_OPEN_COMMAND = f"""
SELECT p.id, format('status %s, with %s outstanding forward command(s) and %s untried '
    'compensation(s)', p.status, coalesce(o.open, 0), coalesce(u.open, 0))
FROM processes_process p
LEFT JOIN ({_OUTSTANDING}) o ON o.process_id = p.id
LEFT JOIN ({_UNTRIED}) u ON u.process_id = p.id
WHERE p.status NOT IN {quoted(TERMINAL_STATUSES)} AND {SETTLED_PROCESS}
    AND CASE WHEN p.status = '{ProcessStatus.COMPENSATING}'
        THEN coalesce(u.open, 0) <> 1 ELSE coalesce(o.open, 0) <> 1 END
"""

COMPENSATIONS_IN_REVERSE_ORDER = f"""
SELECT p.id, format('compensation %s (%s) %s', s.sequence, s.step,
    CASE WHEN s.outcome IS NULL AND s.parked_at IS NULL THEN 'was never tried'
         ELSE 'does not run in descending order of what it undoes' END)
FROM processes_process p
JOIN (
    SELECT step.*, undone.sequence AS undone_sequence,
        lag(undone.sequence) OVER (PARTITION BY step.process_id ORDER BY step.sequence) AS before
    FROM processes_processstep step
    JOIN processes_processstep undone ON undone.id = step.compensates_id
) s ON s.process_id = p.id
WHERE p.status = '{ProcessStatus.COMPENSATED}' AND {SETTLED_PROCESS}
    AND ((s.outcome IS NULL AND s.parked_at IS NULL) OR s.before <= s.undone_sequence)
"""

UNKNOWN_TYPE = """
SELECT r.correlation_id, r.id, coalesce(p.process_type, '(no such process)')
FROM bus_reply r LEFT JOIN processes_process p ON p.id = r.correlation_id
WHERE r.reply_to = 'processes' AND r.handled_at IS NULL
    AND (p.id IS NULL OR NOT p.process_type = ANY(%s::text[]))
ORDER BY r.id
"""

INVARIANTS = {
    "waiting_for_tsq": WAITING_FOR_TSQ_IS_PARKED,
    "final_reply": FINAL_COMMAND_HAS_FINAL_REPLY,
    "one_open_command": OPEN_PROCESS_HAS_ONE_OPEN_COMMAND,
    "compensation_order": COMPENSATIONS_IN_REVERSE_ORDER,
}


@dataclass(frozen=True, slots=True)
class Violation:
    """``invariant`` names the broken rule, ``subject`` the process or command that breaks it."""

    invariant: str
    subject: str
    problem: str


@dataclass(frozen=True, slots=True)
class HeldUp:
    """A process that cannot go on until someone acts: an operator, or whoever deploys code."""

    process_id: str
    reply_id: int
    why: str


def violations() -> list[Violation]:
    return [
        Violation(invariant, str(subject), problem)
        for invariant, statement in INVARIANTS.items()
        for subject, problem in sql.run(statement)
    ]


def held_up() -> Iterator[HeldUp]:
    """Processes behind a stuck reply, and those of a type this code does not know."""
    for reply in Reply.objects.stuck().order_by("id").iterator():
        yield HeldUp(str(reply.correlation_id), reply.id, f"stuck: {reply.last_error}")
    for process_id, reply_id, process_type in sql.run(UNKNOWN_TYPE, [known_process_types()]):
        yield HeldUp(str(process_id), reply_id, f"unknown process type {process_type!r}")


def waiting_for_code() -> list[tuple[Lane, int]]:
    """How many commands of which lane wait for a worker that has a handler for them."""
    lanes = Command.objects.waiting_for_code().values_list("domain", "command_type")
    counted = lanes.annotate(count=Count("id")).order_by("domain", "command_type")
    return [((domain, command_type), count) for domain, command_type, count in counted]


def oldest_due_seconds() -> float:
    """How long the oldest item that is due and can run here has been waiting; 0 if none is."""
    reply = reply_due_in()
    return max(0.0, overdue_commands_seconds(), -(reply or 0.0))

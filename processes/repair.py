"""Mends what ``invariants`` finds, where no person's judgement is needed.

Nothing is set right by hand: a reply that is missing is written, a compensation that stopped is
continued by its manager, workers that sleep are woken; the state machines do the rest.  What needs
a person is told with the command that deals with it.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction

from processes.bus import sql
from processes.bus.errors import CommandBusError
from processes.bus.locks import lock_commands
from processes.bus.models import Command, Reply
from processes.bus.states import (
    FINAL_OUTCOMES,
    FINAL_STATUSES,
    CommandStatus,
    ReplyOutcome,
    quoted,
)
from processes.bus.wakeup import wake_workers
from processes.engine import continue_compensation
from processes.heartbeat import workers_alive
from processes.invariants import (
    SETTLED_PROCESS,
    held_up,
    oldest_due_seconds,
    violations,
    waiting_for_code,
)
from processes.states import Direction, ProcessStatus, StepOutcome

OVERDUE_SECONDS = 5.0
"""What is due for longer should have been taken by a worker."""

FINAL_REPLIES = {
    CommandStatus.COMPLETED: ReplyOutcome.SUCCESS,
    CommandStatus.FAILED: ReplyOutcome.FAILED,
    CommandStatus.CANCELED: ReplyOutcome.CANCELED,
}

_PARKED = CommandStatus.IN_TROUBLESHOOTING_QUEUE

# Processes that wait for something else than their open command is at, with the notice they
# missed.  Parameter: the command, or null for all.
MISSED_NOTICES = f"""
SELECT p.id, c.id,
    CASE c.status WHEN '{_PARKED}' THEN '{ReplyOutcome.PARKED}' ELSE '{ReplyOutcome.REQUEUED}' END
FROM processes_process p
JOIN processes_processstep s ON s.process_id = p.id AND s.outcome IS NULL
JOIN bus_command c ON c.id = s.command_id
CROSS JOIN (SELECT %s::uuid AS id) only_this
WHERE CASE s.direction
    WHEN '{Direction.COMPENSATION}' THEN p.status = '{ProcessStatus.COMPENSATING}'
        AND c.status = '{_PARKED}' AND s.parked_at IS NULL
    ELSE (p.status = '{ProcessStatus.WAITING_FOR_REPLY}' AND c.status = '{_PARKED}')
        OR (p.status = '{ProcessStatus.WAITING_FOR_TSQ}'
            AND c.status IN ('{CommandStatus.PENDING}', '{CommandStatus.IN_PROGRESS}')) END
    AND (only_this.id IS NULL OR c.id = only_this.id) AND {SETTLED_PROCESS}
ORDER BY p.id
"""

# Final commands that never told their sender, with what their step (if they have one) knows.
# Parameter: the command, or null for all.
MISSED_REPLIES = f"""
SELECT s.process_id, c.id, c.status, s.outcome, s.reply_data::text
FROM bus_command c LEFT JOIN processes_processstep s ON s.command_id = c.id
CROSS JOIN (SELECT %s::uuid AS id) only_this
WHERE c.reply_to <> '' AND c.status IN {quoted(FINAL_STATUSES)}
    AND (only_this.id IS NULL OR c.id = only_this.id)
    AND NOT EXISTS (SELECT FROM bus_reply r
        WHERE r.command_id = c.id AND r.outcome IN {quoted(FINAL_OUTCOMES)})
ORDER BY c.id
"""

STOPPED_COMPENSATIONS = f"""
SELECT p.id FROM processes_process p
WHERE p.status = '{ProcessStatus.COMPENSATING}' AND {SETTLED_PROCESS}
    AND NOT EXISTS (SELECT FROM processes_processstep s WHERE s.process_id = p.id
        AND s.direction = '{Direction.COMPENSATION}'
        AND s.outcome IS NULL AND s.parked_at IS NULL)
ORDER BY p.id
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with ``subject``.

    ``remedy`` is what ``fix`` does, or where there is none, what a person does.  ``fix`` says
    whether it was still needed.
    """

    subject: str
    problem: str
    remedy: str
    fix: Callable[[], bool] | None = None
    covers: tuple[str, ...] = ()
    """The ids whose violations are explained by this."""


def findings() -> Iterator[Finding]:
    """First what can be mended, then what needs a person."""
    covered: set[str] = set()
    for finding in (*_missed_notices(), *_missed_replies(), *_stopped_compensations()):
        covered |= {finding.subject, *finding.covers}
        yield finding
    yield from _overdue()
    for broken in violations():
        if broken.subject not in covered:
            yield Finding(broken.subject, f"{broken.invariant}: {broken.problem}", _look(broken))
    yield from _held_up()


def _missed_notices() -> Iterator[Finding]:
    for process_id, command_id, outcome in sql.run(MISSED_NOTICES, [None]):
        yield Finding(
            str(process_id),
            f"missed that its command {command_id} is {outcome}",
            f"write the {outcome} notice",
            partial(_write_notice, command_id),
            (str(command_id),),
        )


def _missed_replies() -> Iterator[Finding]:
    for process_id, command_id, status, outcome, _ in sql.run(MISSED_REPLIES, [None]):
        known = status != CommandStatus.COMPLETED or outcome == StepOutcome.SUCCESS
        about = process_id or command_id
        yield Finding(
            str(command_id),
            f"is {status}, but its sender was never told",
            f"write the {FINAL_REPLIES[status]} reply"
            if known
            else f"what its handler returned is not kept; look at manage.py processes show {about}",
            partial(_write_reply, command_id) if known else None,
            (str(process_id),),
        )


def _stopped_compensations() -> Iterator[Finding]:
    for (process_id,) in sql.run(STOPPED_COMPENSATIONS):
        yield Finding(
            str(process_id),
            "compensates, but no compensation is on its way",
            "continue the compensation",
            partial(continue_compensation, process_id),
        )


def _overdue() -> Iterator[Finding]:
    seconds = oldest_due_seconds()
    if seconds < OVERDUE_SECONDS:
        return
    problem = f"the oldest item that is due waits for {seconds:.0f} s"
    if workers_alive():
        yield Finding("workers", problem, "wake the workers", _wake)
    else:
        remedy = "no worker runs: start manage.py qcluster, or run manage.py work --until-idle"
        yield Finding("workers", problem, remedy)


def _held_up() -> Iterator[Finding]:
    for held in held_up():
        remedy = f"manage.py replies handle {held.reply_id}, or give-up"
        if not held.why.startswith("stuck"):
            remedy = "deploy the code that knows it"
        yield Finding(held.process_id, f"held up: {held.why}", remedy)
    for (domain, command_type), number in waiting_for_code():
        problem = f"{number} command(s) wait for a handler"
        yield Finding(f"{domain}/{command_type}", problem, "deploy the code that handles it")


def _look(broken: Any) -> str:
    if broken.invariant == "final_reply":
        return f"a person decides; look at manage.py tsq show {broken.subject}"
    return f"a person decides; look at manage.py processes show {broken.subject}"


def mend(finding: Finding) -> str:
    """What came of it, in words; what is refused says why."""
    if finding.fix is None:
        return "needs a person"
    try:
        return "done" if finding.fix() else "no longer needed"
    except CommandBusError as error:
        return f"refused: {error.message}"


@transaction.atomic
def _write_notice(command_id: uuid.UUID) -> bool:
    """Under the lock of the command, whose worker may just have told it."""
    (command,) = lock_commands([command_id])
    still = sql.run(MISSED_NOTICES, [command_id])
    for _, _, outcome in still:
        _write(command, outcome, tells_error=outcome == ReplyOutcome.PARKED)
    return bool(still)


@transaction.atomic
def _write_reply(command_id: uuid.UUID) -> bool:
    (command,) = lock_commands([command_id])
    still = sql.run(MISSED_REPLIES, [command_id])
    for _, _, status, _, result in still:
        failed = status != CommandStatus.COMPLETED
        _write(command, FINAL_REPLIES[status], tells_error=failed, result=result)
    return bool(still)


def _write(
    command: Command, outcome: ReplyOutcome, *, tells_error: bool, result: str | None = None
) -> None:
    Reply.objects.create(
        command=command,
        correlation_id=command.correlation_id,
        reply_to=command.reply_to,
        outcome=outcome,
        data=None if result is None else json.loads(result),
        error_code=command.last_error_code if tells_error else "",
        error_message=command.last_error_message if tells_error else "",
    )
    wake_workers()


def _wake() -> bool:
    wake_workers()
    return True

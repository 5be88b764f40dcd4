"""The engine: hands replies to their managers, compensates on request; ``starting`` starts.

A reply's way, top to bottom: taken (``take_replies``: a try counted, a short lease), its process
locked, the manager's decision, everything written in one statement, the next commands sent.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError, connection, transaction

from processes import statements
from processes.audit import Operator, moved_on, record_action, require_reason
from processes.base import REPLY_ADDRESS, ProcessManager
from processes.bus import sql
from processes.bus.claims import Claim, claim_when_sent
from processes.bus.errors import (
    NotFailed,
    NotFound,
    UnknownStep,
)
from processes.bus.fitness import fit_text, json_object_text
from processes.bus.handlers import CommandMessage, Handler, find_handler
from processes.bus.leases import leases_enforced
from processes.bus.models import Reply
from processes.bus.querysets import MAX_TRIES
from processes.bus.sending import NewCommand, write_commands
from processes.bus.settlement import TAKEN_LEASE_SECONDS, TakenReply
from processes.bus.wakeup import wake_workers
from processes.models import Process
from processes.progress import (
    Progress,
    load_trails,
    lock_processes,
    read_progress,
    write_progress,
)
from processes.registry import known_process_types, manager_of
from processes.starting import start_process, start_processes
from processes.states import OperatorVerb, ProcessStatus, StepOutcome
from processes.trail import AuditTrail

__all__ = [
    "compensate",
    "give_up_reply",
    "handle_replies",
    "handle_reply_again",
    "lock_process",
    "reply_due_in",
    "start_process",
    "start_processes",
    "take_replies",
    "take_reply_again",
]

logger = logging.getLogger(__name__)

REPLY_GIVEN_UP = "REPLY_GIVEN_UP"
TRY_AGAIN_SECONDS = (2.0, 10.0, 30.0, 60.0)
UNKNOWN_STEP_SECONDS = 60.0
LOCKED_SECONDS = 0.1  # another worker has the process; asking again at once would only spin

RunNext = Callable[[Handler], bool]
"""Asked for each command about to be sent: will this worker run it itself at once?"""


class ReplyHandledElsewhere(Exception):
    """Another worker was faster; nothing of this transaction stands."""


def take_replies(most: int) -> list[TakenReply]:
    """Take fresh replies: each the first unhandled one of a process this code knows."""
    parameters = [known_process_types(), most, TAKEN_LEASE_SECONDS]
    return [TakenReply(*row) for row in sql.run(statements.TAKE, parameters)]


def take_reply_again() -> list[TakenReply]:
    """Take one reply that was tried before and is due, to be handled with no company."""
    parameters = [known_process_types(), 1, TAKEN_LEASE_SECONDS]
    return [TakenReply(*row) for row in sql.run(statements.TAKE_AGAIN, parameters)]


def reply_due_in() -> float | None:
    """Seconds until the first reply this code can handle is due; None if there is none."""
    rows = sql.run(statements.REPLY_DUE_IN, [known_process_types()])
    return rows[0][0] if rows else None


def handle_replies(taken: Sequence[TakenReply], run_next: RunNext) -> list[Claim]:
    """Let the managers handle taken replies; returns what this worker sent and runs next.

    Whatever spoils the common transaction, each reply is then handled again alone.
    """
    if not taken:
        return []
    with leases_enforced(time.monotonic() + TAKEN_LEASE_SECONDS):
        try:
            return _handle_together(taken, run_next)
        except (DatabaseError, InterfaceError, ReplyHandledElsewhere) as error:
            logger.warning("%d replies are handled again one by one: %s", len(taken), error)
            connection.close_if_unusable_or_obsolete()
            return [claim for reply in taken for claim in _handle_alone(reply, run_next)]


def compensate(
    process_id: uuid.UUID | str,
    *,
    operator: str,
    reason: str,
    channel: str = "python",
    request_id: str = "",
) -> Process:
    """Undo what a FAILED process has done, on an operator's word.

    Raises NotFound, NotFailed, ReasonRequired, UnknownProcessType, UnknownStep.
    """
    by = Operator(operator, channel, request_id)
    require_reason(reason, "compensating a process")
    with transaction.atomic():
        process = lock_process(process_id)
        if process.status != ProcessStatus.FAILED:
            raise _not_failed(process)
        before = _told(process)
        load_trails([process])
        manager = manager_of(process.process_type)
        _require_known_steps(manager, process)
        manager.compensate(process)
        process.state_text = json_object_text(process.state)
        write_decided([Progress(process)])
        record_action(OperatorVerb.COMPENSATE, by, reason, before, _told(process), process=process)
        wake_workers()
    return Process.objects.get(pk=process.id)


@transaction.atomic
def continue_compensation(process_id: uuid.UUID) -> bool:
    """Go on with a compensation that stopped half-way; False if it goes on by itself.

    Raises NotFound, UnknownProcessType, UnknownStep.
    """
    process = lock_process(process_id)
    load_trails([process])
    is_on_its_way = any(not step.is_tried for step in process.trail.steps if not step.is_forward)
    waiting = Reply.objects.unhandled().filter(reply_to=REPLY_ADDRESS, correlation_id=process_id)
    if process.status != ProcessStatus.COMPENSATING or is_on_its_way or waiting.exists():
        return False
    manager = manager_of(process.process_type)
    _require_known_steps(manager, process)
    manager.go_on_compensating(process)
    process.state_text = json_object_text(process.state)
    write_decided([Progress(process)])
    wake_workers()
    return True


def handle_reply_again(reply: Reply) -> None:
    """Make a stuck reply due, its tries counted anew; under the lock of its process."""
    sql.run(statements.GIVE_BACK, [[reply.id], [reply.tries], [0.0], [reply.last_error]])


def give_up_reply(reply: Reply) -> None:
    """Record a stuck final reply without asking its manager; under the lock of its process.

    The process fails, so that it can be compensated; one that is compensating goes on with it.
    """
    assert reply.correlation_id is not None
    process = lock_process(reply.correlation_id)
    process.trail = AuditTrail(process.id)
    (progress,) = read_progress({process.id: process})
    load_trails([process])
    step = process.trail.step_of(reply.command_id)
    if step and step.outcome is None:
        step.outcome = StepOutcome(reply.outcome)
    if process.status in (ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ):
        process.fail(REPLY_GIVEN_UP, reply.last_error)
    elif step:
        manager_of(process.process_type).continue_compensation(step, process)
    process.state_text = json_object_text(process.state)
    write_decided([progress])


def lock_process(process_id: uuid.UUID | str) -> Process:
    """The process, locked until the transaction ends; waits for its holder.  Raises NotFound."""
    try:
        return Process.objects.select_for_update().get(pk=process_id)
    except (Process.DoesNotExist, ValueError, ValidationError):
        raise NotFound(f"There is no process {process_id}.") from None


def write_decided(batch: Sequence[Progress], run_next: RunNext | None = None) -> list[Claim]:
    """Write what was decided and send the commands that follow; inside a transaction."""
    if write_progress(batch) < sum(progress.reply is not None for progress in batch):
        raise ReplyHandledElsewhere
    added = (step for progress in batch for step in progress.process.trail.added)
    return _send([step.command for step in added if step.command], run_next)


def _handle_together(taken: Sequence[TakenReply], run_next: RunNext) -> list[Claim]:
    deadline = time.monotonic() + TAKEN_LEASE_SECONDS
    mine = {reply.id for reply in taken}
    with transaction.atomic():
        processes = lock_processes([reply.correlation_id for reply in taken])
        batch = [p for p in read_progress(processes) if p.reply and p.reply.id in mine]
        for progress in batch:
            progress.decide(deadline)
        claims = write_decided([p for p in batch if p.decided], run_next)
        _give_back(taken, batch, locked=processes.keys())
    return claims


def _handle_alone(reply: TakenReply, run_next: RunNext) -> list[Claim]:
    try:
        return _handle_together([reply], run_next)
    except ReplyHandledElsewhere:
        return []
    except (DatabaseError, InterfaceError) as error:
        logger.exception("Reply %s cannot be handled", reply.id)
        connection.close_if_unusable_or_obsolete()
        sql.run(statements.GIVE_BACK, [[reply.id], [0], [TRY_AGAIN_SECONDS[-1]], [fit_text(error)]])
        return []


def _give_back(
    taken: Sequence[TakenReply], batch: Sequence[Progress], locked: Collection[uuid.UUID]
) -> None:
    """Replies not handled are due again: now, after a backoff, or when new code may be there."""
    seen = {progress.reply.id: progress for progress in batch if progress.reply}
    rows = []
    for reply in taken:
        progress = seen.get(reply.id)
        if progress is None:
            rows.append(
                (reply.id, 1, 0.0 if reply.correlation_id in locked else LOCKED_SECONDS, "")
            )
        elif progress.waits_for_code:
            rows.append((reply.id, 1, UNKNOWN_STEP_SECONDS, "This code does not know the step."))
        elif progress.failure is not None:
            logger.error("%s: reply %s failed: %s", progress.process, reply.id, progress.failure)
            rows.append((reply.id, 0, _wait_after(progress.tries), progress.failure))
    if rows:
        sql.run(statements.GIVE_BACK, sql.columns(sorted(rows), 4))


def _wait_after(tries: int) -> float:
    return 0.0 if tries >= MAX_TRIES else TRY_AGAIN_SECONDS[tries - 1]


def _send(commands: Sequence[NewCommand], run_next: RunNext | None) -> list[Claim]:
    """Send commands; those this worker runs next are claimed in the same statement."""
    sent, claims = [], []
    for command in commands:
        handler = find_handler(command.domain, command.command_type)
        if handler and not handler.is_external and run_next and run_next(handler):
            sent.append(replace(command, lease=handler.lease_seconds()))
            claims.append(claim_when_sent(_first_delivery(command), handler, command.max_attempts))
        else:
            sent.append(command)
    write_commands(sent)
    return claims


def _first_delivery(command: NewCommand) -> CommandMessage:
    return CommandMessage(
        command.command_id,
        command.command_type,
        command.domain,
        json.loads(command.data),
        command.correlation_id,
        attempt=1,
    )


def _require_known_steps(manager: ProcessManager[Any, Any], process: Process) -> None:
    unknown = [s.name for s in process.trail.steps if s.is_forward and not manager.knows(s.name)]
    if unknown:
        raise UnknownStep(
            f"This code does not know the step {unknown[0]!r} of {process.process_type}; "
            "deploy the code that does, then compensate."
        )


def _not_failed(process: Process) -> NotFailed:
    what = f"Only a FAILED process can be compensated; this one is {process.status}"
    last = process.operator_actions.resolutions().last()
    return moved_on(NotFailed, what, last, state=process.status, since=process.updated_at)


def _told(process: Process) -> dict[str, Any]:
    """What an audit row keeps of a process."""
    return {
        "status": process.status,
        "current_step": process.current_step,
        "error_code": process.error_code,
    }

"""One process on its way from a reply to what it decided, and the rows that say so."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from processes import statements
from processes.base import ReceivedReply
from processes.bus import sql
from processes.bus.fitness import MAX_CODE, fit_text, json_object_text
from processes.bus.leases import LeaseOverrun, interrupted_at
from processes.bus.states import ReplyOutcome
from processes.models import Process
from processes.registry import find_manager
from processes.states import Direction, ProcessStatus, StepOutcome
from processes.trail import AuditTrail, Step


@dataclass(slots=True)
class Progress:
    """A locked process with the reply that moves it (None: an operator does).

    After ``decide``: ``failure`` is the manager's error, if it raised; ``waits_for_code`` says
    that this code does not know the step.  Both leave the process as it was.
    """

    process: Process
    reply: ReceivedReply | None = None
    tries: int = 0
    open_step_id: int | None = None
    failure: str | None = None
    waits_for_code: bool = False

    @property
    def decided(self) -> bool:
        return self.failure is None and not self.waits_for_code

    def needs_whole_trail(self) -> bool:
        """Compensation looks back; going forward needs only the open step."""
        if self.reply is None or self.process.status == ProcessStatus.COMPENSATING:
            return True
        undoes = any(not step.is_forward for step in self.process.trail.steps)
        return undoes or self.reply.outcome in (ReplyOutcome.FAILED, ReplyOutcome.CANCELED)

    def decide(self, deadline: float) -> None:
        """Let the manager handle the reply; interrupted at ``deadline`` (monotonic)."""
        assert self.reply is not None
        manager = find_manager(self.process.process_type)
        forward = (step for step in self.process.trail.steps if step.is_forward)
        if manager is None or not all(manager.knows(step.name) for step in forward):
            self.waits_for_code = True
            return
        try:
            with interrupted_at(deadline):
                manager.handle_reply(self.reply, self.process)
            self.process.state_text = json_object_text(self.process.state)
        except LeaseOverrun:
            self.failure = "The manager was interrupted: it took longer than its lease."
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.failure = f"{fit_text(type(error).__name__, MAX_CODE)}: {fit_text(error)}"

    def process_row(self) -> tuple[Any, ...]:
        process = self.process
        return (
            process.id,
            process.status,
            process.current_step,
            process.state_text,
            process.error_code,
            process.error_message,
        )

    def added_rows(self) -> list[tuple[Any, ...]]:
        return [_added_row(self.process.id, step) for step in self.process.trail.added]


def lock_processes(process_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Process]:
    """Lock those processes that no other worker holds, in primary key order."""
    rows = sql.run(statements.LOCK, [list(process_ids)])
    return {row[0]: _process(row) for row in rows}


def read_progress(processes: dict[uuid.UUID, Process]) -> list[Progress]:
    """Each locked process with its first unhandled reply and what is needed of its trail."""
    rows = sql.run(statements.READ, [list(processes)])
    batch = [_progress(processes[row[0]], row) for row in rows]
    load_trails([progress.process for progress in batch if progress.needs_whole_trail()])
    return batch


def load_trails(processes: Sequence[Process]) -> None:
    """Load all steps of these processes."""
    if not processes:
        return
    for process in processes:
        process.trail = AuditTrail(process.id)
    trails = {process.id: process.trail for process in processes}
    for process_id, step_id, command_id, *rest in sql.run(statements.READ_TRAILS, [list(trails)]):
        trails[process_id].steps.append(_step(step_id, command_id, *rest))


def write_progress(batch: Sequence[Progress]) -> int:
    """Write what was decided, in one statement; returns how many replies were handled by it."""
    replies = sorted((p.reply.id, p.open_step_id) for p in batch if p.reply)
    processes = sorted(progress.process_row() for progress in batch)
    added = sorted(
        (row for progress in batch for row in progress.added_rows()), key=lambda row: row[:2]
    )
    arrays = sql.columns(replies, 2) + sql.columns(processes, 6) + sql.columns(added, 11)
    ((handled,),) = sql.run(statements.ADVANCE, arrays)
    return int(handled)


def _process(row: tuple[Any, ...]) -> Process:
    values = dict(zip(statements.PROCESS_FIELDS, row, strict=True))
    values["state"] = json.loads(values["state"])
    process = Process.from_db(None, list(values), list(values.values()))
    process.trail = AuditTrail(process.id)
    return process


def _progress(process: Process, row: tuple[Any, ...]) -> Progress:
    _, reply_id, command_id, outcome, data, error_code, error_message, tries = row[:8]
    step_id, *rest = row[8:]
    reply = ReceivedReply(
        reply_id,
        command_id,
        ReplyOutcome(outcome),
        None if data is None else json.loads(data),
        error_code,
        error_message,
    )
    if step_id is None:
        return Progress(process, reply, tries)
    step = _step(step_id, command_id, *rest)
    process.trail.steps.append(step)
    return Progress(process, reply, tries, step_id if step.outcome is None else None)


def _step(
    step_id: int,
    command_id: uuid.UUID | None,
    sequence: int,
    name: str,
    direction: str,
    undoes: int | None,
    outcome: str | None,
    parked: bool,
) -> Step:
    return Step(
        sequence,
        name,
        Direction(direction),
        id=step_id,
        command_id=command_id,
        undoes=undoes,
        outcome=StepOutcome(outcome) if outcome else None,
        parked=parked,
    )


def _added_row(process_id: uuid.UUID, step: Step) -> tuple[Any, ...]:
    command = step.command
    return (
        process_id,
        step.sequence,
        step.name,
        step.direction,
        step.undoes,
        step.command_id,
        command.command_type if command else "",
        command.data if command else None,
        step.outcome,
        step.error_code,
        step.error_message,
    )

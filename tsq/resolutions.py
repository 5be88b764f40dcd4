"""Resolving parked commands: one of them or a thousand, by the same few statements.

lock        the commands, in primary key order
partition   those still parked as seen, and refusals that tell who was first
move        each by its status machine, all in one update
write       events, audit rows and the replies by which the senders hear of it
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction

from processes.audit import Operator, moved_on
from processes.bus import measures, sql
from processes.bus.clock import BusNow
from processes.bus.errors import CommandBusError, NotFound, NotParked
from processes.bus.fitness import fit_text, json_object_text
from processes.bus.locks import lock_commands
from processes.bus.models import NAME_LENGTH, Command
from processes.bus.states import CommandStatus, EventType, ReplyOutcome
from processes.bus.wakeup import wake_workers
from processes.models import OperatorAction
from processes.states import OperatorVerb
from tsq import statements

Seen = int | None
"""The ``deliveries`` number the operator looked at; None: whatever it is now."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What resolving by one verb means: its transition, its event, and what the sender hears."""

    transition: str
    event: EventType
    outcome: ReplyOutcome
    tells_error: bool = False


KINDS = {
    OperatorVerb.RETRY: Kind("requeue", EventType.OPERATOR_RETRY, ReplyOutcome.REQUEUED),
    OperatorVerb.EDIT: Kind("requeue", EventType.OPERATOR_EDIT, ReplyOutcome.REQUEUED),
    OperatorVerb.COMPLETE: Kind(
        "complete_by_operator", EventType.OPERATOR_COMPLETE, ReplyOutcome.SUCCESS
    ),
    OperatorVerb.CANCEL: Kind(
        "cancel_by_operator", EventType.OPERATOR_CANCEL, ReplyOutcome.CANCELED, tells_error=True
    ),
}


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an operator wants done to parked commands; ``result`` and ``data`` are fit to store.

    ``data`` replaces what their handler is given.  ``refusal`` may name a reason of its own why
    a command, locked and parked, cannot be resolved so.
    """

    verb: OperatorVerb
    by: Operator
    reason: str = ""
    result: dict[str, Any] | None = None
    data: dict[str, Any] | None = None
    refusal: Callable[[Command], CommandBusError | None] = lambda _: None

    @property
    def kind(self) -> Kind:
        return KINDS[self.verb]


@dataclass(slots=True)
class Resolved:
    """Who was resolved, and who was refused and why."""

    done: set[uuid.UUID] = field(default_factory=set)
    refused: dict[uuid.UUID, CommandBusError] = field(default_factory=dict)


def resolve_one(resolution: Resolution, command_id: uuid.UUID | str, seen: Seen) -> Command:
    """A chunk of one: returns the command as stored, or raises its refusal."""
    key = _key(command_id)
    refused = resolve_many(resolution, {key: seen}).refused
    if refused:
        raise refused[key]
    return Command.objects.get(pk=key)


@transaction.atomic
def resolve_many(resolution: Resolution, chosen: Mapping[uuid.UUID, Seen]) -> Resolved:
    """Resolve those of ``chosen`` that are still parked as seen; the others are refused."""
    locked = lock_commands(chosen)
    refused = _refusals(locked, chosen)
    for command in locked:
        own = None if command.pk in refused else resolution.refusal(command)
        refused |= {command.pk: own} if own else {}
    commands = [command for command in locked if command.pk not in refused]
    if commands:
        _write(resolution, commands)
    return Resolved({command.pk for command in commands}, refused)


def _key(command_id: uuid.UUID | str) -> uuid.UUID:
    try:
        return command_id if isinstance(command_id, uuid.UUID) else uuid.UUID(str(command_id))
    except ValueError:
        raise _not_found(command_id) from None


def _refusals(
    locked: Collection[Command], chosen: Mapping[uuid.UUID, Seen]
) -> dict[uuid.UUID, CommandBusError]:
    there = {command.pk for command in locked}
    refused: dict[uuid.UUID, CommandBusError] = {
        pk: _not_found(pk) for pk in chosen if pk not in there
    }
    gone = [command for command in locked if not _is_as_seen(command, chosen[command.pk])]
    last = _last_actions(command.pk for command in gone) if gone else {}
    return refused | {c.pk: not_parked(c, last.get(c.pk)) for c in gone}


def _is_as_seen(command: Command, seen: Seen) -> bool:
    is_parked = command.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE
    return is_parked and seen in (None, command.deliveries)


def _last_actions(command_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID | None, OperatorAction]:
    """How each of these commands was last resolved, asked for all at once."""
    actions = OperatorAction.objects.resolutions().filter(command__in=list(command_ids))
    latest = actions.order_by("command_id", "-id").distinct("command_id")
    return {action.command_id: action for action in latest}


def _not_found(command_id: object) -> NotFound:
    return NotFound(f"There is no command {command_id}.")


def not_parked(command: Command, last: OperatorAction | None) -> NotParked:
    """The refusal of what has left the TSQ, or was parked anew since; ``last`` resolved it."""
    what = f"The command is no longer in the TSQ; it is {command.status}"
    if command.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE:
        what = "The command was parked anew since you looked; look at its new error first"
    return moved_on(NotParked, what, last, state=command.status, since=command.updated_at)


def _write(resolution: Resolution, commands: list[Command]) -> None:
    before = [_told(command, resolution) for command in commands]
    _move(resolution, commands)
    after = [_told(command, resolution) for command in commands]
    _tell(resolution, [command.pk for command in commands], before, after)
    lanes = [(command.domain, command.command_type) for command in commands]
    transaction.on_commit(partial(measures.count_resolutions, lanes, resolution.verb))
    wake_workers()


def _move(resolution: Resolution, commands: list[Command]) -> None:
    """Move each by its status machine, and write what that changed: the same for all of them."""
    changed: dict[str, Any] = {"updated_at": BusNow()}
    for command in commands:
        before = dict(vars(command))
        getattr(command, resolution.kind.transition)()
        if resolution.data is not None:
            command.edited_data = resolution.data
        changed |= {
            name: value
            for name, value in vars(command).items()
            if name not in before or before[name] != value
        }
    Command.objects.filter(pk__in=[command.pk for command in commands]).update(**changed)


def _tell(
    resolution: Resolution,
    command_ids: list[uuid.UUID],
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
) -> None:
    """Write the events, the audit rows and the replies, and end the claims."""
    by, kind, reason = resolution.by, resolution.kind, fit_text(resolution.reason)
    details = json_object_text({"reason": reason, "channel": by.channel})
    event = (kind.event, fit_text(by.name, NAME_LENGTH), details)
    action = (resolution.verb, by.channel, fit_text(by.request_id, NAME_LENGTH), reason)
    result = None if resolution.result is None else json_object_text(resolution.result)
    reply = (kind.outcome, result, kind.tells_error)
    told = [[json_object_text(row) for row in rows] for rows in (before, after)]
    sql.run(statements.TELL, [*event, *action, *reply, command_ids, *told])


def _told(command: Command, resolution: Resolution) -> dict[str, Any]:
    """What an audit row keeps of a command; its data only where they are edited."""
    told = {
        "status": command.status,
        "attempts": command.attempts,
        "deliveries": command.deliveries,
        "error_code": command.last_error_code,
        "error_message": command.last_error_message,
    }
    return told if resolution.data is None else told | {"data": data_to_run(command)}


def data_to_run(command: Command) -> dict[str, Any]:
    """What its handler gets: the data last edited, else the data sent."""
    return command.data if command.edited_data is None else command.edited_data

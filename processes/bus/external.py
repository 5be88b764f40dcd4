"""External execution: a service in any language is the handler of a command type.

    claim_external         hands out due commands, each with its fencing token ``deliveries``
    extend_lease           more time for one of them
    succeed_external, fail_external, release_external
                           its outcome, judged and settled like that of a handler here

Each is a transaction of its own, and works inside the caller's as well.  What no outcome comes
for in time is taken back by any worker (``ended_leases``).
"""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from processes.bus import measures, sql, statements
from processes.bus.checks import checked_name, checked_number
from processes.bus.claims import Claim
from processes.bus.ended_leases import claim_to_settle
from processes.bus.errors import ClaimLost, InvalidCommandData, InvalidResult, NotExternal
from processes.bus.fitness import UnfitJson, fit_text, json_object_text
from processes.bus.handlers import Handler, Lane, external_lanes, find_handler
from processes.bus.locks import lock_command
from processes.bus.models import NAME_LENGTH, Command
from processes.bus.outcomes import Failed, Outcome, Severity, Succeeded, Unrun
from processes.bus.settlement import LATE, settle, write_late
from processes.bus.states import CommandStatus, EventType
from processes.bus.wakeup import wake_workers

MOST_CLAIMED = 100
LONGEST_LEASE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ExternalDelivery:
    """One command handed out; ``deliveries`` is the token under which its outcome counts.

    ``attempt`` counts from 1 to ``max_attempts``; ``lease_until`` is by the database's clock.
    """

    command_id: uuid.UUID
    command_type: str
    domain: str
    data: dict[str, Any]
    correlation_id: uuid.UUID | None
    attempt: int
    max_attempts: int
    deliveries: int
    lease_until: datetime


def claim_external(
    domain: str, types: Sequence[str], *, limit: int, lease_seconds: int | None = None
) -> list[ExternalDelivery]:
    """Hand out up to ``limit`` due commands of these types, the ones due longest first.

    No types: all external ones of the domain.  The lease is the declared one if none is given.
    Raises NotExternal, InvalidCommandData.
    """
    handlers = _external_handlers(domain, types)
    limit = checked_number("limit", limit, MOST_CLAIMED)
    if lease_seconds is not None:
        checked_number("lease_seconds", lease_seconds, LONGEST_LEASE_SECONDS)
    rows = sql.run(
        statements.CLAIM_EXTERNAL,
        [
            [domain] * len(handlers),
            [handler.command_type for handler in handlers],
            [float(lease_seconds or handler.lease_seconds()) for handler in handlers],
            [limit] * len(handlers),
            limit,
        ],
    )
    if rows:
        transaction.on_commit(partial(_count_deliveries, [(row[1], row[2]) for row in rows]))
    return [_delivery(row) for row in sorted(rows, key=lambda row: (row[-1], row[0]))]


def external_due_in(domain: str, types: Sequence[str]) -> float | None:
    """Seconds until ``claim_external`` would find something (0: now); None if nothing waits.

    Raises NotExternal.
    """
    named = [handler.command_type for handler in _external_handlers(domain, types)]
    ((due_in,),) = sql.run(statements.LANES_DUE_IN, [domain, named])
    return None if due_in is None else max(due_in, 0.0)


def extend_lease(command_id: uuid.UUID | str, deliveries: int, *, lease_seconds: int) -> datetime:
    """Let the lease end so many seconds from now; returns when that is.

    Raises NotFound, NotExternal, ClaimLost, InvalidCommandData.
    """
    checked_number("lease_seconds", lease_seconds, LONGEST_LEASE_SECONDS)
    with transaction.atomic():
        command = _lock_external(command_id)
        if not _holds(command, deliveries):
            raise _claim_lost(command)
        parameters = [float(lease_seconds), command.pk, deliveries]
        ((lease_until,),) = sql.run(statements.EXTEND, parameters)
    return lease_until


def release_external(
    command_id: uuid.UUID | str, deliveries: int, *, why: str = "", worker: str = ""
) -> Command:
    """Hand the command back unexecuted: due now, and the attempt does not count.

    ``worker``, here and below, names the service in the event log.
    Raises NotFound, NotExternal, ClaimLost.
    """
    return _settle(command_id, deliveries, Unrun(fit_text(why) or "handed back"), worker)


def succeed_external(
    command_id: uuid.UUID | str,
    deliveries: int,
    *,
    result: dict[str, Any] | None = None,
    worker: str = "",
) -> Command:
    """The command is done, and ``result`` is what its sender is told.

    Raises NotFound, NotExternal, ClaimLost, InvalidResult.
    """
    try:
        text = None if result is None else json_object_text(result)
    except UnfitJson as error:
        raise InvalidResult(f"result cannot be kept: {error}.") from None
    return _settle(command_id, deliveries, Succeeded(text), worker)


def fail_external(
    command_id: uuid.UUID | str,
    deliveries: int,
    *,
    kind: str,
    code: str,
    message: str,
    details: dict[str, Any] | None = None,
    worker: str = "",
) -> Command:
    """The command failed: ``kind`` is transient (tried again), permanent (parked) or business.

    ``code`` is stable and groups alike errors, ``message`` is for people.
    Raises NotFound, NotExternal, ClaimLost, InvalidCommandData.
    """
    return _settle(command_id, deliveries, _failed(kind, code, message, details), worker)


def _settle(command_id: uuid.UUID | str, deliveries: int, outcome: Outcome, worker: str) -> Command:
    """Settle under the command's lock.

    A late outcome is logged before ClaimLost is raised, outside of the transaction made here:
    the log stands unless the caller has one of its own and rolls that back.
    """
    actor = fit_text(worker, NAME_LENGTH)
    with transaction.atomic():
        command = _lock_external(command_id)
        if _holds(command, deliveries):
            settle([(_claim_of(command), outcome)], taken_by="", actor=actor)
            wake_workers()
            transaction.on_commit(measures.flush_unless_gathering)
            return Command.objects.get(pk=command.pk)
        error = _claim_lost(command)
    if deliveries <= command.deliveries and not isinstance(outcome, Unrun):
        write_late([(command.pk, deliveries, _late_entry(outcome))], actor)
    raise error


def _count_deliveries(lanes: list[Lane]) -> None:
    measures.count_deliveries(lanes)
    measures.flush_unless_gathering()


def _external_handlers(domain: str, types: Sequence[str]) -> list[Handler]:
    """The external ones of these types, each once; of all types of the domain if none is named."""
    known = sorted(name for of, name in external_lanes() if of == domain)
    unknown = [name for name in types if name not in known]
    if unknown or not known:
        what = f"command type {unknown[0]!r}" if unknown else "command type"
        raise NotExternal(
            f"No {what} of domain {domain!r} is executed externally; "
            f"those that are: {', '.join(known) or 'none'}."
        )
    named = [find_handler(domain, name) for name in known if not types or name in types]
    return [handler for handler in named if handler]


def _delivery(row: tuple[Any, ...]) -> ExternalDelivery:
    (command_id, domain, command_type, data, correlation_id) = row[:5]
    (attempt, deliveries, max_attempts, lease_until, _) = row[5:]
    return ExternalDelivery(
        command_id,
        command_type,
        domain,
        json.loads(data),
        correlation_id,
        attempt,
        max_attempts,
        deliveries,
        lease_until,
    )


def _lock_external(command_id: uuid.UUID | str) -> Command:
    command = lock_command(command_id)
    if (command.domain, command.command_type) not in external_lanes():
        raise NotExternal(
            f"{command.command_type!r} of domain {command.domain!r} is not executed externally."
        )
    return command


def _holds(command: Command, deliveries: int) -> bool:
    if type(deliveries) is not int or deliveries < 1:
        raise InvalidCommandData(
            f"deliveries must be the number the command was handed out with, not {deliveries!r}."
        )
    return command.status == CommandStatus.IN_PROGRESS and command.deliveries == deliveries


def _claim_of(command: Command) -> Claim:
    return claim_to_settle(
        command.pk,
        command.domain,
        command.command_type,
        command.correlation_id,
        command.attempts,
        command.deliveries,
        command.max_attempts,
    )


def _claim_lost(command: Command) -> ClaimLost:
    if command.status == CommandStatus.IN_PROGRESS:
        message = (
            f"The claim no longer holds: the command was handed out anew, as delivery "
            f"{command.deliveries}, at {command.updated_at:%Y-%m-%d %H:%M:%S %Z}."
        )
        return ClaimLost(message, state=command.status, action="claim", at=command.updated_at)
    last = command.events.exclude(type=EventType.LATE_OUTCOME).latest("id")
    by_whom = f" by {last.actor}" if last.actor else ""
    return ClaimLost(
        f"The claim no longer holds: the command is {command.status} "
        f"({last.type}{by_whom}, {last.at:%Y-%m-%d %H:%M:%S %Z}).",
        state=command.status,
        actor=last.actor,
        action=last.type,
        at=last.at,
    )


def _failed(kind: str, code: str, message: Any, details: dict[str, Any] | None) -> Failed:
    kinds = [severity.value for severity in Severity]
    if kind not in kinds:
        raise InvalidCommandData(f"kind must be one of {', '.join(kinds)}, not {kind!r}.")
    checked_name("code", code)
    if not isinstance(message, str) or not message.strip():
        raise InvalidCommandData(f"message must say what went wrong, not {message!r}.")
    if details is None:
        return Failed(Severity(kind), code, fit_text(message))
    try:
        json_object_text(details)
    except UnfitJson as error:
        raise InvalidCommandData(f"details cannot be kept: {error}.") from None
    return Failed(Severity(kind), code, fit_text(message), {"details": details})


def _late_entry(outcome: Outcome) -> str:
    """Told as it was reported: what it would have led to depended on the attempt."""
    entry: dict[str, Any] = {"why": LATE, "outcome": EventType.COMPLETED}
    if isinstance(outcome, Failed):
        entry["outcome"] = f"{outcome.severity.value} error"
        entry |= {"error_code": outcome.code, "error_message": outcome.message} | outcome.details
    return json.dumps(entry)

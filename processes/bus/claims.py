"""Claiming: which commands a worker takes now, and how long it may keep them."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from processes.bus import conf, sql, statements
from processes.bus.handlers import (
    CommandMessage,
    Handler,
    Lane,
    external_lanes,
    find_handler,
    local_handlers,
)

NO_HANDLER_LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery of a command, held by this worker until ``deadline`` (``time.monotonic()``).

    ``deliveries`` is the fencing token.  ``exhausted``: its last attempt lost its lease, alone;
    it is not run again.  ``waited_for_code`` in seconds, while no handler was there.
    """

    message: CommandMessage
    deliveries: int
    max_attempts: int
    handler: Handler | None
    deadline: float
    exhausted: bool = False
    waited_for_code: float = 0.0

    @property
    def command_id(self) -> uuid.UUID:
        return self.message.command_id

    @property
    def lane(self) -> Lane:
        return self.message.domain, self.message.command_type

    @property
    def lease(self) -> float:
        return self.handler.lease_seconds() if self.handler else NO_HANDLER_LEASE_SECONDS


def claim(lanes: Sequence[tuple[Lane, int]], most: int) -> list[Claim]:
    """Claim due commands: of each lane up to its number, up to ``most`` in all."""
    wanted = [(lane, limit) for lane, limit in lanes if limit > 0]
    if not wanted or most <= 0:
        return []
    leases = [_lease_of(lane) for lane, _ in wanted]
    parameters = [
        [domain for (domain, _), _ in wanted],
        [command_type for (_, command_type), _ in wanted],
        leases,
        [limit for _, limit in wanted],
        most,
    ]
    return _claims(statements.CLAIM, parameters)


def claim_alone() -> list[Claim]:
    """Claim one command that lost its lease, to be run with no company; it or nothing."""
    handlers = local_handlers()
    parameters = [
        [handler.domain for handler in handlers],
        [handler.command_type for handler in handlers],
        [handler.lease_seconds() for handler in handlers],
        *sql.columns(external_lanes(), 2),
        NO_HANDLER_LEASE_SECONDS,
    ]
    return _claims(statements.CLAIM_ALONE, parameters)


def claim_without_handler() -> list[Claim]:
    """Claim due commands of types that this code does not know, to set them aside."""
    unknown = [lane for lane, due_in in waiting_lanes() if due_in <= 0 and not find_handler(*lane)]
    return claim([(lane, conf.batch_size()) for lane in unknown], conf.batch_size())


def claim_when_sent(message: CommandMessage, handler: Handler, max_attempts: int) -> Claim:
    """The claim on a command that its sender will run itself (see ``sending.write_commands``)."""
    deadline = time.monotonic() + handler.lease_seconds()
    return Claim(message, 1, max_attempts, handler, deadline)


def waiting_lanes() -> list[tuple[Lane, float]]:
    """Every lane with waiting commands, and in how many seconds its first one is due."""
    rows = sql.run(statements.WAITING_LANES)
    return [((domain, command_type), due_in) for domain, command_type, due_in in rows]


def command_due_in() -> float | None:
    """Seconds until a worker can take the first command (0 or less: now); None if none waits.

    One that is executed externally waits for no worker, until its lease ends.
    """
    ((unsettled,),) = sql.run(statements.UNSETTLED_DUE_IN)
    external = external_lanes()
    waits = [due_in for lane, due_in in waiting_lanes() if lane not in external]
    return min(waits if unsettled is None else [*waits, unsettled], default=None)


def overdue_commands_seconds() -> float:
    """How long the oldest command that is due, and that this code handles, has been waiting."""
    ((unsettled,),) = sql.run(statements.UNSETTLED_DUE_IN)
    here = {handler.lane for handler in local_handlers()}
    waits = [due_in for lane, due_in in waiting_lanes() if lane in here]
    return max(0.0, -(unsettled or 0.0), *(-wait for wait in waits))


def _lease_of(lane: Lane) -> float:
    handler = find_handler(*lane)
    return handler.lease_seconds() if handler else NO_HANDLER_LEASE_SECONDS


def _claims(statement: str, parameters: Sequence[Any]) -> list[Claim]:
    now = time.monotonic()  # before the database sets the leases: they end no sooner than ours
    return [_claim(row, now) for row in sql.run(statement, parameters)]


def _claim(row: tuple[Any, ...], now: float) -> Claim:
    (command_id, domain, command_type, data, correlation_id) = row[:5]
    (attempts, deliveries, max_attempts, exhausted, waited_for_code) = row[5:]
    message = CommandMessage(
        command_id, command_type, domain, json.loads(data), correlation_id, attempts
    )
    return Claim(
        message,
        deliveries,
        max_attempts,
        find_handler(domain, command_type),
        now + _lease_of((domain, command_type)),
        exhausted,
        waited_for_code or 0.0,
    )

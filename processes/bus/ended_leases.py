"""What is executed externally and got no outcome in time: workers make it due again, or park it."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from processes.bus import conf, sql, statements
from processes.bus.claims import Claim
from processes.bus.handlers import CommandMessage, external_lanes, find_handler
from processes.bus.outcomes import LeaseLost
from processes.bus.settlement import TakenReply, settle


@dataclass(frozen=True, slots=True)
class EndedLeases:
    """How many commands a worker took back, and the replies it has taken with them."""

    number: int
    taken: list[TakenReply]


def end_leases(taken_by: str) -> EndedLeases:
    """Take back one batch of commands whose lease has ended.

    Also frees what was marked to run alone before its type was declared external.
    """
    lanes = external_lanes()
    if not lanes:
        return EndedLeases(0, [])
    with transaction.atomic():
        parameters = [*sql.columns(lanes, 2), conf.batch_size()]
        rows = sql.run(statements.TAKE_LOST_EXTERNAL, parameters)
        lost = [claim_to_settle(*row) for *row, was_claimed in rows if was_claimed]
        settled = settle([(claim, LeaseLost()) for claim in lost], taken_by)
    return EndedLeases(len(rows), settled.taken)


def claim_to_settle(
    command_id: uuid.UUID,
    domain: str,
    command_type: str,
    correlation_id: uuid.UUID | None,
    attempt: int,
    deliveries: int,
    max_attempts: int,
) -> Claim:
    """An external claim as settling needs it: without data, for nothing runs here."""
    message = CommandMessage(command_id, command_type, domain, {}, correlation_id, attempt)
    return Claim(message, deliveries, max_attempts, find_handler(domain, command_type), deadline=0)

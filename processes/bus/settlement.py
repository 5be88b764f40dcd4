"""Write second: outcomes become statuses, events and replies in one statement."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from random import random
from typing import Any

from processes.bus import conf, measures, sql, statements
from processes.bus.claims import Claim
from processes.bus.judgement import Decision, Policy, fingerprint, judge
from processes.bus.outcomes import Outcome

TAKEN_LEASE_SECONDS = 10.0
"""How long whoever took a reply may work on it before another may take it."""
LATE = "the claim no longer held; this outcome does not count"


@dataclass(frozen=True, slots=True)
class TakenReply:
    """A reply this worker has taken and goes on to handle; ``correlation_id`` is its process."""

    id: int
    correlation_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Settled:
    """What one settlement did: the commands whose outcome counted, and the replies taken."""

    command_ids: frozenset[uuid.UUID]
    taken: list[TakenReply]


def settle(outcomes: Sequence[tuple[Claim, Outcome]], taken_by: str, actor: str = "") -> Settled:
    """Write every outcome whose claim still holds.

    Replies addressed to ``taken_by`` are taken by this worker as they are written.  ``actor``
    is the service that executed the commands, if it was none of our workers.
    """
    if not outcomes:
        return Settled(frozenset(), [])
    decided = [(claim, _decide(claim, outcome)) for claim, outcome in outcomes]
    arrays = sql.columns(sorted(_row(claim, decision) for claim, decision in decided), 13)
    written = sql.run(statements.SETTLE, [*arrays, actor, taken_by, TAKEN_LEASE_SECONDS])
    settled = frozenset(command_id for command_id, _, _ in written if command_id)
    measures.count_outcomes(
        (claim.lane, decision.event) for claim, decision in decided if claim.command_id in settled
    )
    return Settled(
        settled,
        [TakenReply(reply_id, process_id) for _, reply_id, process_id in written if reply_id],
    )


def log_late_outcomes(late: Sequence[tuple[Claim, Outcome | str]]) -> None:
    """Keep in the event log what came too late to count, or why no outcome came in time."""
    if not late:
        return
    write_late([(c.command_id, c.deliveries, _late_entry(c, outcome)) for c, outcome in late])


def write_late(entries: Sequence[tuple[uuid.UUID, int, str]], actor: str = "") -> None:
    """Log late outcomes: command, delivery, and what is to be told of it as JSON text."""
    sql.run(statements.LOG_LATE_OUTCOMES, [actor, *sql.columns(entries, 3)])


def _decide(claim: Claim, outcome: Outcome) -> Decision:
    backoff = claim.handler.backoff_seconds() if claim.handler else conf.backoff_seconds()
    policy = Policy(claim.max_attempts, backoff, claim.waited_for_code, conf.no_handler_seconds())
    return judge(outcome, claim.message.attempt, policy, random())


def _row(claim: Claim, decision: Decision) -> tuple[Any, ...]:
    message = claim.message
    code, text = decision.error or (None, None)
    alike = fingerprint(message.domain, message.command_type, code, text or "") if code else None
    return (
        claim.command_id,
        claim.deliveries,
        statements.SETTLE_EDGES[decision.transition].target,
        not decision.counted,
        decision.delay,
        decision.handler_missing,
        code,
        text,
        alike,
        decision.event,
        decision.log_entry(),
        decision.reply,
        decision.result,
    )


def _late_entry(claim: Claim, outcome: Outcome | str) -> str:
    if isinstance(outcome, str):
        return json.dumps({"why": outcome})
    decision = _decide(claim, outcome)
    return json.dumps(
        {
            "why": LATE,
            "outcome": decision.event,
            "attempt": claim.message.attempt,
        }
        | decision.details
    )

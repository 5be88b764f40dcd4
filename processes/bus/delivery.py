"""The life of one delivery: claim, find handler, run, judge, settle.

Claiming lives in ``claims`` (which finds the handler too), judging and settling in
``settlement``.  Here commands are run: transactional handlers one after another in the
transaction that settles them, the others in ``threads``.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence

from django.db import DatabaseError, InterfaceError, connection, transaction

from processes.bus import measures, pace
from processes.bus.claims import Claim
from processes.bus.leases import LeaseOverrun, interrupted_at, leases_enforced
from processes.bus.locks import claim_holds
from processes.bus.outcomes import (
    LeaseLost,
    NoHandler,
    Outcome,
    Succeeded,
    Unrun,
    failure_of,
    outcome_of,
    result_text,
)
from processes.bus.savepoints import LazySavepoint
from processes.bus.settlement import TakenReply, log_late_outcomes, settle

logger = logging.getLogger(__name__)

INTERRUPTED = "interrupted: still running when its lease ended"
CLAIM_LOST = "its effects were undone: the claim no longer held"

NotNow = Callable[[], str | None]
"""Asked before each handler: why it should not be run by this worker now, or None."""


class BatchDisturbed(Exception):
    """The transaction cannot stand: its commands are run again, each in one of its own."""


def deliver(claims: Sequence[Claim], taken_by: str, not_now: NotNow) -> list[TakenReply]:
    """Run claimed commands in this thread and settle them; returns the replies taken.

    Whatever spoils the common transaction, each command is then run again alone, so that one
    bad item harms nobody else.
    """
    if not claims:
        return []
    measures.count_deliveries(claim.lane for claim in claims)
    with leases_enforced(max(claim.deadline for claim in claims)):
        try:
            return _deliver_together(claims, taken_by, not_now)
        except (BatchDisturbed, DatabaseError, InterfaceError) as error:
            logger.warning("A batch of %d runs again one by one: %s", len(claims), error)
            connection.close_if_unusable_or_obsolete()
            return [reply for claim in claims for reply in _deliver_alone(claim, taken_by, not_now)]


def settle_outcomes(outcomes: Sequence[tuple[Claim, Outcome]], taken_by: str) -> list[TakenReply]:
    """Settle outcomes that have no effects in this transaction, such as those of threads."""
    try:
        settled = settle(outcomes, taken_by)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("%d outcomes are settled one by one: %s", len(outcomes), error)
        connection.close_if_unusable_or_obsolete()
        return [
            reply for claim, outcome in outcomes for reply in _settle_one(claim, outcome, taken_by)
        ]
    _drop_late([late for late in outcomes if late[0].command_id not in settled.command_ids])
    return settled.taken


def _deliver_together(claims: Sequence[Claim], taken_by: str, not_now: NotNow) -> list[TakenReply]:
    with transaction.atomic():
        outcomes: list[tuple[Claim, Outcome]] = []
        overrun: list[Claim] = []
        touched: set[uuid.UUID] = set()
        for claim in claims:
            try:
                outcome, has_effects = _run(claim, not_now)
            except LeaseOverrun:
                overrun.append(claim)
                continue
            outcomes.append((claim, outcome))
            if has_effects:
                touched.add(claim.command_id)
        settled = settle(outcomes, taken_by)
        if not touched <= settled.command_ids:
            raise BatchDisturbed("a claim was lost after its handler had changed the database")
    late = [pair for pair in outcomes if pair[0].command_id not in settled.command_ids]
    _drop_late([*late, *((claim, INTERRUPTED) for claim in overrun)])
    return settled.taken


def _deliver_alone(claim: Claim, taken_by: str, not_now: NotNow) -> list[TakenReply]:
    """Run one command in a transaction of its own that first makes sure of its claim."""
    try:
        with transaction.atomic():
            if claim_holds(claim.command_id, claim.deliveries):
                return _deliver_together([claim], taken_by, not_now)
    except (BatchDisturbed, DatabaseError, InterfaceError) as error:
        connection.close_if_unusable_or_obsolete()
        own_error = error.__cause__ if isinstance(error, BatchDisturbed) else error
        return settle_outcomes([(claim, failure_of(own_error or error))], taken_by)
    _drop_late([(claim, CLAIM_LOST)])
    return []


def _settle_one(claim: Claim, outcome: Outcome, taken_by: str) -> list[TakenReply]:
    try:
        return settle([(claim, outcome)], taken_by).taken
    except DatabaseError as error:
        return settle([(claim, failure_of(error))], taken_by).taken


def _run(claim: Claim, not_now: NotNow) -> tuple[Outcome, bool]:
    """How the delivery went, and whether the outcome brings effects in the database along."""
    if claim.exhausted:
        return LeaseLost(), False
    if claim.handler is None:
        return NoHandler(), False
    if why := not_now() or _too_late(claim):
        return Unrun(why), False
    handler, message = claim.handler, claim.message
    savepoint = LazySavepoint()

    def run() -> str | None:
        with savepoint, interrupted_at(claim.deadline):
            return result_text(handler.run(message))

    started = time.monotonic()
    outcome = outcome_of(run)
    seconds = time.monotonic() - started
    pace.record(handler.lane, seconds)
    measures.observe(handler.lane, seconds)
    if savepoint.disturbed_by:
        raise BatchDisturbed(
            f"{message.command_type} met a deadlock or a lost connection"
        ) from savepoint.disturbed_by
    return outcome, savepoint.touched and isinstance(outcome, Succeeded)


def _too_late(claim: Claim) -> str | None:
    """A handler is started only with at least half of its lease left to run in."""
    if claim.deadline - time.monotonic() < claim.lease / 2:
        return "too little of its lease was left"
    return None


def _drop_late(late: Sequence[tuple[Claim, Outcome | str]]) -> None:
    """Log what does not count: an outcome whose claim is lost, or why there was none in time."""
    for claim, outcome in late:
        why = outcome if isinstance(outcome, str) else "its outcome came too late to count"
        logger.warning("%s %s: %s", claim.message.command_type, claim.command_id, why)
    log_late_outcomes(late)

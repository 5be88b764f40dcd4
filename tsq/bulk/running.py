"""The workers' part: take a turn, do a chunk of items, queue the next turn or finish.

A chunk and its outcomes are one transaction under the items' locks, so that each item is done
exactly once, whatever is killed.  A killed worker's turn is taken again when its lease ends.
"""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Value
from django.db.models.functions import Greatest

from processes.audit import Operator
from processes.bus import sql
from processes.bus.clock import BusNow
from processes.bus.errors import CommandBusError, MovedOn
from processes.bus.fitness import fit_text
from tsq import operations
from tsq.bulk.access import Authority, authority_of
from tsq.bulk.queue import enqueue
from tsq.models import BulkItem, BulkOperation
from tsq.models.bulk import BulkStatus, ItemOutcome
from tsq.resolutions import resolve_many

logger = logging.getLogger(__name__)

CHUNK_ITEMS = 500
CHUNK_SECONDS = 1.0
LEASE = timedelta(seconds=60)

# Parameters: arrays item id, outcome, message.
_RECORD = """
UPDATE tsq_bulkitem i SET outcome = o.outcome, message = o.message, at = bus_now()
FROM unnest(%b::bigint[], %b::text[], %b::text[]) AS o(id, outcome, message)
WHERE i.id = o.id RETURNING i.id
"""

Outcomes = dict[int, tuple[ItemOutcome, str]]
"""What became of each item, and why."""


def run_chunk(operation_id: uuid.UUID, turn: datetime) -> int:
    """Do the next items if this turn is due and nobody took it; returns how many were done."""
    operation = _take(operation_id, turn)
    if operation is None:
        return 0
    handled = _run_items(operation, authority_of(operation))
    _give_back(operation, handled)
    return handled


@transaction.atomic
def _take(operation_id: uuid.UUID, turn: datetime) -> BulkOperation | None:
    due = BulkOperation.objects.filter(
        pk=operation_id, status=BulkStatus.RUNNING, available_at=turn, available_at__lte=BusNow()
    )
    taken = due.update(available_at=BusNow() + LEASE)
    return BulkOperation.objects.get(pk=operation_id) if taken else None


def _run_items(operation: BulkOperation, authority: Authority) -> int:
    """The next chunk; item by item if it fails as a whole, so that one harms nobody else."""
    most = CHUNK_ITEMS
    if operation.rate is not None:
        most = min(most, max(int(operation.rate * CHUNK_SECONDS), 1))
    waiting = operation.items.filter(outcome=None).order_by("id")
    items = list(waiting.values_list("pk", flat=True)[:most])
    try:
        return _run_together(operation, items, authority)
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not an item's: they stay open
    except Exception as error:
        logger.warning("A chunk of bulk operation %s runs one by one: %s", operation.pk, error)
        return sum(_run_alone(operation, item, authority) for item in items)


@transaction.atomic
def _run_together(operation: BulkOperation, items: Sequence[int], authority: Authority) -> int:
    """Nothing if the operation is held meanwhile; without those another worker is at."""
    held = _lock(items)
    refused = {item.pk: authority.refusal(item.command.domain) for item in held}
    outcomes: Outcomes = {pk: (ItemOutcome.FAILED, why) for pk, why in refused.items() if why}
    allowed = [item for item in held if item.pk not in outcomes]
    return _record(outcomes | _resolve(operation, allowed))


def _run_alone(operation: BulkOperation, item: int, authority: Authority) -> int:
    try:
        return _run_together(operation, [item], authority)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("Item %s of bulk operation %s failed", item, operation.pk)
        with transaction.atomic():
            held = _lock([item])
            why = f"{type(error).__name__}: {error}"
            return _record({item.pk: (ItemOutcome.FAILED, why) for item in held})


def _lock(items: Sequence[int]) -> list[BulkItem]:
    open_items = BulkItem.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        pk__in=items, outcome=None, operation__status=BulkStatus.RUNNING
    )
    named = ("pk", "seen", "command_id", "command__domain")
    return list(open_items.select_related("command").only(*named).order_by("pk"))


def _resolve(operation: BulkOperation, items: Sequence[BulkItem]) -> Outcomes:
    by = Operator(operation.operator, operation.channel, operation.request_id)
    try:
        resolution = operations.resolving(operation.verb, by, operation.arguments)
    except CommandBusError as error:
        return {item.pk: (ItemOutcome.FAILED, error.message) for item in items}
    refused = resolve_many(resolution, {item.command_id: item.seen for item in items}).refused
    return {item.pk: _outcome(refused.get(item.command_id)) for item in items}


def _outcome(refusal: CommandBusError | None) -> tuple[ItemOutcome, str]:
    if refusal is None:
        return ItemOutcome.DONE, ""
    is_late = isinstance(refusal, MovedOn)
    return ItemOutcome.SKIPPED if is_late else ItemOutcome.FAILED, refusal.message


def _record(outcomes: Outcomes) -> int:
    rows = [(pk, str(outcome), fit_text(why)) for pk, (outcome, why) in outcomes.items()]
    return len(sql.run(_RECORD, sql.columns(rows, 3)))


@transaction.atomic
def _give_back(operation: BulkOperation, handled: int) -> None:
    """End the lease, unless another worker has it by now; queue the next turn, or finish."""
    mine = BulkOperation.objects.select_for_update().filter(available_at=operation.available_at)
    held = mine.filter(pk=operation.pk).first()
    if held is None:
        return
    is_running = held.status == BulkStatus.RUNNING
    if is_running and not held.items.filter(outcome=None).exists():
        held.finish()
        held.save()
        return
    taken_at = operation.available_at - LEASE
    held.available_at = Greatest(BusNow(), Value(taken_at + _time_for(handled, operation.rate)))
    held.save(update_fields=["available_at"])
    if is_running:
        turn = BulkOperation.objects.values_list("available_at", flat=True).get(pk=held.pk)
        enqueue(held.pk, turn)


def _time_for(handled: int, rate: float | None) -> timedelta:
    """How long a chunk of so many items lasts at least."""
    if not handled:
        return timedelta(seconds=CHUNK_SECONDS)  # a worker beyond its lease is still at an item
    return timedelta(seconds=handled / rate if rate else 0)

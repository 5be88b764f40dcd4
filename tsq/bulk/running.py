"""The workers' part: take a turn, do its items, queue the next turn or finish.

An item and its outcome are one transaction under the item's lock, so that each is done exactly
once, whatever is killed.  A killed worker's turn is taken again when its lease ends.
"""

import logging
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Value
from django.db.models.functions import Greatest

from processes.bus.clock import BusNow
from processes.bus.errors import CommandBusError, MovedOn
from processes.bus.fitness import fit_text
from processes.states import OperatorVerb
from tsq import operations
from tsq.bulk.access import Authority, authority_of
from tsq.bulk.queue import enqueue
from tsq.models import BulkItem, BulkOperation
from tsq.models.bulk import BulkStatus, ItemOutcome

logger = logging.getLogger(__name__)

CHUNK_ITEMS = 100
CHUNK_SECONDS = 1.0
LEASE = timedelta(seconds=60)

_OPERATIONS: dict[str, Callable[..., object]] = {
    OperatorVerb.RETRY: operations.retry,
    OperatorVerb.COMPLETE: operations.complete,
    OperatorVerb.CANCEL: operations.cancel,
}


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
    """Until the chunk or its time is over, or an operator holds the operation."""
    most = CHUNK_ITEMS
    if operation.rate is not None:
        most = min(most, max(int(operation.rate * CHUNK_SECONDS), 1))
    waiting = operation.items.filter(outcome=None).order_by("id")
    end = time.monotonic() + CHUNK_SECONDS
    handled = 0
    for item_id in list(waiting.values_list("pk", flat=True)[:most]):
        if time.monotonic() > end or not _run_item(operation, item_id, authority):
            break
        handled += 1
    return handled


@transaction.atomic
def _run_item(operation: BulkOperation, item_id: int, authority: Authority) -> bool:
    """False if the operation is held meanwhile, or another worker is at the item."""
    item = (
        BulkItem.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk=item_id, outcome=None, operation__status=BulkStatus.RUNNING)
        .select_related("command")
        .defer("command__data")
        .first()
    )
    if item is None:
        return False
    outcome, message = _do(operation, item, authority)
    BulkItem.objects.filter(pk=item.pk).update(
        outcome=outcome, message=fit_text(message), at=BusNow()
    )
    return True


def _do(operation: BulkOperation, item: BulkItem, authority: Authority) -> tuple[ItemOutcome, str]:
    refusal = authority.refusal(item.command.domain)
    if refusal:
        return ItemOutcome.FAILED, refusal
    try:
        with transaction.atomic():
            _OPERATIONS[operation.verb](
                item.command_id,
                seen=item.seen,
                operator=operation.operator,
                channel=operation.channel,
                request_id=operation.request_id,
                **operation.arguments,
            )
    except MovedOn as error:
        return ItemOutcome.SKIPPED, error.message
    except CommandBusError as error:
        return ItemOutcome.FAILED, error.message
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, not the item's: it stays open
    except Exception as error:
        logger.exception("Item %s of bulk operation %s failed", item.pk, operation.pk)
        return ItemOutcome.FAILED, f"{type(error).__name__}: {error}"
    return ItemOutcome.DONE, ""


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

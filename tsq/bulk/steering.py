"""What an operator does with a bulk operation: each moves its status, under its lock."""

import uuid
from typing import Any

from django.db import transaction
from django_fsm import TransitionNotAllowed

from processes.bus.errors import CommandBusError, MovedOn, NotFound
from tsq.bulk.choosing import needs_typed_count
from tsq.bulk.queue import enqueue
from tsq.models import BulkOperation
from tsq.models.bulk import BulkStatus, ItemOutcome


class BulkMovedOn(MovedOn):
    """The bulk operation is no longer in a status that allows this."""

    code = "BULK_MOVED_ON"


class CountNotTyped(CommandBusError):
    """So many entries are chosen that their number has to be typed, and it was not."""

    code = "COUNT_NOT_TYPED"


@transaction.atomic
def confirm(
    operation_id: uuid.UUID,
    *,
    arguments: dict[str, Any],
    rate: float | None = None,
    typed_count: int | None = None,
) -> BulkOperation:
    """Start what was chosen; ``arguments`` are those of the operation of the same verb.

    Raises NotFound, BulkMovedOn, CountNotTyped.
    """
    operation = _lock(operation_id)
    if needs_typed_count(operation) and typed_count != operation.size:
        raise CountNotTyped(f"Type {operation.size} to confirm that you mean all of them.")
    operation.arguments = arguments
    operation.rate = rate
    return _move(operation, "confirm")


@transaction.atomic
def pause(operation_id: uuid.UUID) -> BulkOperation:
    """Hold it after the chunk at hand.  Raises NotFound, BulkMovedOn."""
    return _move(_lock(operation_id), "pause")


@transaction.atomic
def resume(operation_id: uuid.UUID) -> BulkOperation:
    """Let it go on.  Raises NotFound, BulkMovedOn."""
    return _move(_lock(operation_id), "resume")


@transaction.atomic
def stop(operation_id: uuid.UUID) -> BulkOperation:
    """End it for good after the chunk at hand.  Raises NotFound, BulkMovedOn."""
    return _move(_lock(operation_id), "stop")


@transaction.atomic
def retry_failures(operation_id: uuid.UUID) -> BulkOperation:
    """Open the failed items again.  Raises NotFound, BulkMovedOn."""
    operation = _lock(operation_id)
    failed = operation.items.filter(outcome=ItemOutcome.FAILED)
    if not failed.exists():
        raise BulkMovedOn("No item has failed; there is nothing to retry.", state=operation.status)
    operation = _move(operation, "retry_failures")
    failed.update(outcome=None, message="", at=None)
    return operation


def _lock(operation_id: uuid.UUID) -> BulkOperation:
    try:
        return BulkOperation.objects.select_for_update().get(pk=operation_id)
    except BulkOperation.DoesNotExist:
        raise NotFound(f"There is no bulk operation {operation_id}.") from None


def _move(operation: BulkOperation, transition: str) -> BulkOperation:
    """Returns the operation as stored, its next chunk queued if it runs."""
    try:
        getattr(operation, transition)()
    except TransitionNotAllowed:
        word = transition.replace("_", " ")
        raise BulkMovedOn(
            f"The operation is {operation.get_status_display().lower()}; "
            f"{word!r} is no longer possible.",
            state=operation.status,
        ) from None
    operation.save()
    operation = BulkOperation.objects.get(pk=operation.pk)
    if operation.status == BulkStatus.RUNNING:
        enqueue(operation.pk, operation.available_at)
    return operation

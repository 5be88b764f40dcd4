"""What an operator does with a bulk operation: each moves its status, under its lock.

The verbs of the audit are the names of the transitions.
"""

import uuid
from typing import Any

from django.db import transaction
from django_fsm import TransitionNotAllowed

from processes.audit import Operator, Subject, moved_on, record_action_above
from processes.bus.errors import CommandBusError, MovedOn, NotFound
from processes.models import OperatorAction
from processes.states import Channel, OperatorVerb, SubjectKind
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
    operator: str,
    arguments: dict[str, Any],
    rate: float | None = None,
    typed_count: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> BulkOperation:
    """Start what was chosen; ``arguments`` are those of the operation of the same verb.

    Raises NotFound, BulkMovedOn, CountNotTyped.
    """
    by = Operator(operator, channel, request_id)
    operation = _lock(operation_id)
    is_needed = typed_count is not None or needs_typed_count(operation)
    if is_needed and typed_count != operation.size:
        raise CountNotTyped(f"Type {operation.size} to confirm that you mean all of them.")
    operation.arguments = arguments
    operation.rate = rate
    told = {"verb": operation.verb, "size": operation.size, "rate": rate, "arguments": arguments}
    reason = str(arguments.get("reason") or arguments.get("note") or "")
    return _move(operation, OperatorVerb.CONFIRM, by, reason, told)


@transaction.atomic
def pause(
    operation_id: uuid.UUID,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> BulkOperation:
    """Hold it after the chunk at hand.  Raises NotFound, BulkMovedOn."""
    by = Operator(operator, channel, request_id)
    return _move(_lock(operation_id), OperatorVerb.PAUSE, by)


@transaction.atomic
def resume(
    operation_id: uuid.UUID,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> BulkOperation:
    """Let it go on.  Raises NotFound, BulkMovedOn."""
    by = Operator(operator, channel, request_id)
    return _move(_lock(operation_id), OperatorVerb.RESUME, by)


@transaction.atomic
def stop(
    operation_id: uuid.UUID,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> BulkOperation:
    """End it for good after the chunk at hand.  Raises NotFound, BulkMovedOn."""
    by = Operator(operator, channel, request_id)
    return _move(_lock(operation_id), OperatorVerb.STOP, by)


@transaction.atomic
def retry_failures(
    operation_id: uuid.UUID,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> BulkOperation:
    """Open the failed items again.  Raises NotFound, BulkMovedOn."""
    by = Operator(operator, channel, request_id)
    operation = _lock(operation_id)
    failed = operation.items.filter(outcome=ItemOutcome.FAILED)
    number = failed.count()
    if not number:
        raise BulkMovedOn("No item has failed; there is nothing to retry.", state=operation.status)
    operation = _move(operation, OperatorVerb.RETRY_FAILURES, by, told={"opened": number})
    failed.update(outcome=None, message="", at=None)
    return operation


def _lock(operation_id: uuid.UUID) -> BulkOperation:
    try:
        return BulkOperation.objects.select_for_update().get(pk=operation_id)
    except BulkOperation.DoesNotExist:
        raise NotFound(f"There is no bulk operation {operation_id}.") from None


def _move(
    operation: BulkOperation,
    verb: OperatorVerb,
    by: Operator,
    reason: str = "",
    told: dict[str, Any] | None = None,
) -> BulkOperation:
    """By the transition of the verb's name; returns it as stored, its next chunk queued if it runs.

    ``told`` is what the audit row tells beside the status.
    """
    before = {"status": operation.status}
    try:
        getattr(operation, verb.value)()
    except TransitionNotAllowed:
        raise _not_possible(operation, verb) from None
    operation.save()
    operation = BulkOperation.objects.get(pk=operation.pk)
    after = {"status": operation.status} | (told or {})
    record_action_above(verb, by, reason, before, after, _subject(operation))
    if operation.status == BulkStatus.RUNNING:
        enqueue(operation.pk, operation.available_at)
    return operation


def _not_possible(operation: BulkOperation, verb: OperatorVerb) -> BulkMovedOn:
    word = verb.value.replace("_", " ")
    state = operation.get_status_display().lower()
    what = f"The operation is {state}; {word!r} is no longer possible"
    moves = OperatorAction.objects.on(SubjectKind.BULK_OPERATION, operation.pk)
    last = None if operation.status == BulkStatus.FINISHED else moves.last()  # a worker did it
    since = operation.finished_at or operation.created_at
    return moved_on(BulkMovedOn, what, last, state=operation.status, since=since)


def _subject(operation: BulkOperation) -> Subject:
    domains = operation.domains
    return Subject(
        SubjectKind.BULK_OPERATION, operation.pk, domains[0] if len(domains) == 1 else ""
    )

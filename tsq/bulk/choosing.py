"""Freezing what an operator chose: rows that arrive later are never touched."""

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import QuerySet

from processes.audit import Operator
from processes.bus.clock import BusNow
from processes.bus.fitness import fit_text
from processes.bus.models import NAME_LENGTH
from processes.states import OperatorVerb
from tsq.models import BulkItem, BulkOperation
from tsq.models.bulk import BulkStatus

DRAFTS_LAST = timedelta(days=1)

_FREEZE = """
INSERT INTO tsq_bulkitem (operation_id, command_id, seen)
SELECT %s, chosen.* FROM ({chosen}) AS chosen
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def choose(
    verb: OperatorVerb, entries: QuerySet[Any], by: Operator, chosen_by: dict[str, Any]
) -> BulkOperation:
    """A draft that holds these entries as they are now; ``chosen_by`` is for people to read.

    Commands that are parked no longer may be among them: their outcome tells who was first.
    """
    operation = BulkOperation.objects.create(
        verb=verb,
        filter=chosen_by,
        operator=fit_text(by.name, NAME_LENGTH),
        channel=by.channel,
        request_id=fit_text(by.request_id, NAME_LENGTH),
    )
    operation.size = _freeze(operation, entries)
    domains = operation.items.order_by().values_list("command__domain", flat=True).distinct()
    operation.domains = sorted(domains)
    operation.save(update_fields=["size", "domains"])
    return operation


def needs_typed_count(operation: BulkOperation) -> bool:
    """So many are chosen that the operator has to type how many."""
    return operation.size > settings.COMMANDBUS_TYPED_COUNT_ABOVE


def discard_old_drafts() -> None:
    """Nobody confirmed them for a day."""
    old = BulkOperation.objects.filter(
        status=BulkStatus.DRAFT, created_at__lt=BusNow() - DRAFTS_LAST
    ).values_list("pk", flat=True)
    for pk in list(old):
        discard(pk)


@transaction.atomic
def discard(operation_id: uuid.UUID) -> None:
    """Forget a draft; one that was confirmed stays."""
    drafts = BulkOperation.objects.filter(status=BulkStatus.DRAFT, pk=operation_id)
    if drafts.select_for_update().exists():
        BulkItem.objects.filter(operation=operation_id).delete()
        drafts.delete()


def _freeze(operation: BulkOperation, entries: QuerySet[Any]) -> int:
    """Write the items in one statement, and so at one moment; returns how many."""
    rows = entries.values_list("pk", "deliveries")
    try:
        chosen, parameters = rows.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_FREEZE.format(chosen=chosen), [operation.pk, *parameters])
        return int(cursor.rowcount)

"""Calling the workers: one task per chunk.

A task names its turn, the ``available_at`` it was queued for.  Whoever takes a turn moves
``available_at``, so that a second task of the same turn does nothing.
"""

import uuid
from datetime import datetime

from django_q.tasks import async_task

from processes.bus.clock import BusNow
from tsq.models import BulkOperation
from tsq.models.bulk import BulkStatus

RUN_CHUNK = "tsq.tasks.run_chunk"


def enqueue(operation_id: uuid.UUID, turn: datetime) -> None:
    """In the transaction of the caller: the task exists if and only if that commits."""
    async_task(RUN_CHUNK, operation_id, turn, save=False)


def seconds_until(operation_id: uuid.UUID, turn: datetime) -> float | None:
    """When this turn may be taken; None if it was taken, or the operation does not run."""
    running = BulkOperation.objects.filter(status=BulkStatus.RUNNING, available_at=turn)
    now = running.filter(pk=operation_id).values_list(BusNow(), flat=True).first()
    return None if now is None else max((turn - now).total_seconds(), 0.0)


def go_on_with_stalled() -> None:
    """Queue the turns that are due: the worker that should have taken one may have died."""
    due = BulkOperation.objects.filter(status=BulkStatus.RUNNING, available_at__lte=BusNow())
    for operation_id, turn in due.values_list("pk", "available_at"):
        enqueue(operation_id, turn)

"""What the console keeps and when it goes: closed bulk operations, told notifications.

Notes and claims go with their command; a command stays while a bulk operation that stays names it.
"""

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from processes import pruning
from processes.bus.states import quoted
from processes.pruning import CHUNK, Part, Retention, delete, fetch
from processes.states import SubjectKind
from tsq.models.bulk import BulkStatus
from tsq.models.notifications import NotificationStatus

CLOSED = quoted((BulkStatus.STOPPED, BulkStatus.FINISHED))
TOLD = quoted((NotificationStatus.SENT, NotificationStatus.FAILED))

_OPERATIONS = f"o.status IN {CLOSED} AND o.finished_at < %(before)s"
_HELD = f"""EXISTS (SELECT FROM tsq_bulkitem i JOIN tsq_bulkoperation o ON o.id = i.operation_id
    WHERE i.command_id = held.command_id AND NOT ({_OPERATIONS}))"""
_NOTIFICATIONS = f"status IN {TOLD} AND created_at < %(before)s"


def register() -> None:
    pruning.register_part(Part("bulk operations", _count_operations, _operation_chunks))
    pruning.register_part(Part("notifications", _count_notifications, _notification_chunks))
    pruning.register_table("tsq_entrynote")
    pruning.register_table("tsq_entryclaim")
    pruning.register_hold(_HELD)


def _count_operations(what: Retention) -> int:
    counted = f"SELECT count(*) FROM tsq_bulkoperation o WHERE {_OPERATIONS}"
    ((number,),) = fetch(counted, what.parameters)
    return int(number)


def _operation_chunks(what: Retention) -> Iterator[int]:
    """One at a time, with all its items; waits for who holds it, for its commands come next."""
    first = f"SELECT o.id FROM tsq_bulkoperation o WHERE {_OPERATIONS} LIMIT 1 FOR UPDATE"
    found = True
    while found:
        with transaction.atomic():
            ids = [operation_id for (operation_id,) in fetch(first, what.parameters)]
            _delete_actions(SubjectKind.BULK_OPERATION, ids)
            delete("tsq_bulkitem WHERE operation_id = ANY(%(ids)s)", ids)
            delete("tsq_bulkoperation WHERE id = ANY(%(ids)s)", ids)
        found = bool(ids)
        yield len(ids)


def _count_notifications(what: Retention) -> int:
    counted = f"SELECT count(*) FROM tsq_notification WHERE {_NOTIFICATIONS}"
    ((number,),) = fetch(counted, what.parameters)
    return int(number)


def _notification_chunks(what: Retention) -> Iterator[int]:
    chunk = f"""SELECT id FROM tsq_notification WHERE {_NOTIFICATIONS}
        ORDER BY created_at, id LIMIT {CHUNK} FOR UPDATE SKIP LOCKED"""
    found = True
    while found:
        with transaction.atomic():
            ids = [notification_id for (notification_id,) in fetch(chunk, what.parameters)]
            _delete_actions(SubjectKind.NOTIFICATION, ids)
            delete("tsq_notification WHERE id = ANY(%(ids)s)", ids)
        found = bool(ids)
        yield len(ids)


def _delete_actions(kind: SubjectKind, ids: list[Any]) -> None:
    """What operators did to these."""
    named = "processes_operatoraction WHERE subject_kind = '{}' AND subject_id = ANY(%(ids)s)"
    delete(named.format(kind), [str(subject_id) for subject_id in ids])

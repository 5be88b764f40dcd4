"""A row of everything in a domain that some must not see, and what is stored at a moment."""

import uuid
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection

from processes.base import REPLY_ADDRESS
from processes.models import DomainLimit, WorkerHeartbeat
from tests.factories import (
    CommandEventFactory,
    CommandFactory,
    OperatorActionFactory,
    ProcessFactory,
    ProcessStepFactory,
    ReplyFactory,
)
from tsq.models import (
    BulkItem,
    BulkOperation,
    EntryClaim,
    EntryNote,
    Notification,
    NotificationRule,
)

MARK = "Zanzibar"
"""Stands in every row; no page may show it to who must not see the domain."""
DOMAIN = f"{MARK.lower()}-payments"
COMMAND_TYPE = f"{MARK}Type"
_TOLD = ("domain", "command_type", "error_code", "sample_message", "fingerprint")
_UNCHANGING = ("sessions.session",)


class World:
    """``rows`` are the ids of its rows, ``missing`` ids of the same kinds that do not exist."""

    def __init__(self) -> None:
        said = {"domain": DOMAIN, "error_code": MARK, "error_message": MARK}
        self.process = ProcessFactory(failed=True, **said, data={"x": MARK})
        ProcessStepFactory(process=self.process, success=True, reply_data={"x": MARK})
        self.entry = self._parked()
        self.reply = self._stuck_reply()
        action = OperatorActionFactory(
            command=self.entry, domain=DOMAIN, operator=MARK, reason=MARK, before={"x": MARK}
        )
        operation = self._bulk_operation()
        for domain in (DOMAIN, ""):  # "": of several, that one among them
            OperatorActionFactory(
                command=None,
                subject_kind="bulk_operation",
                subject_id=operation.pk,
                domain=domain,
                operator=MARK,
                reason=MARK,
            )
        rule = NotificationRule.objects.create(domain=DOMAIN, emails=f"{MARK}@example.org")
        told = dict.fromkeys(_TOLD, MARK) | {"count": 1, "url": f"http://{MARK}/"}
        told |= dict.fromkeys(
            ("first_parked_at", "last_parked_at"), self.entry.parked_at.isoformat()
        )
        notification = Notification.objects.create(
            rule=rule, kind="email", recipient=MARK, fingerprint="f" * 32, payload=told
        )
        worker = WorkerHeartbeat.objects.create(host="anywhere", pid=1, workers=2)
        group = Group.objects.create(name=f"{MARK} group")
        person = User.objects.create_user(f"{MARK}-user")
        limit = DomainLimit.objects.create(user=person, domain=DOMAIN)
        self.rows: dict[str, Any] = {
            "bus_command": self.entry.pk,
            "processes_process": self.process.pk,
            "processes_workerheartbeat": worker.pk,
            "processes_operatoraction": action.pk,
            "processes_domainlimit": limit.pk,
            "tsq_tsqentry": self.entry.pk,
            "tsq_stuckreply": self.reply.pk,
            "tsq_bulkoperation": operation.pk,
            "tsq_notificationrule": rule.pk,
            "tsq_notification": notification.pk,
            "auth_user": person.pk,
            "auth_group": group.pk,
        }
        self.missing = {
            name: uuid.uuid4() if isinstance(pk, uuid.UUID) else 10**9
            for name, pk in self.rows.items()
        }

    def _parked(self):
        entry = CommandFactory(
            parked=True,
            domain=DOMAIN,
            command_type=COMMAND_TYPE,
            data={"x": MARK},
            last_error_code=MARK,
            last_error_message=MARK,
            correlation_id=self.process.id,
        )
        CommandEventFactory(command=entry, type="PARKED", details={"error_message": MARK})
        EntryNote.objects.create(command=entry, operator=MARK, channel="admin", text=MARK)
        EntryClaim.objects.create(command=entry, operator=MARK)
        return entry

    def _stuck_reply(self):
        waiting = ProcessFactory(domain=DOMAIN, data={"x": MARK})
        command = CommandFactory(
            completed=True,
            domain=DOMAIN,
            command_type=COMMAND_TYPE,
            reply_to=REPLY_ADDRESS,
            correlation_id=waiting.id,
        )
        ProcessStepFactory(process=waiting, command_id=command.id)
        return ReplyFactory(stuck=True, command=command, last_error=MARK, data={"x": MARK})

    def _bulk_operation(self) -> BulkOperation:
        operation = BulkOperation.objects.create(
            verb="retry", operator=MARK, channel="admin", size=1, domains=[DOMAIN], status="RUNNING"
        )
        BulkItem.objects.create(operation=operation, command=self.entry, seen=1)
        return operation

    def answers(self, model: str, pk: Any) -> dict[str, Any]:
        """What is posted: it fits every form at once."""
        seen = self.reply.version if model == "tsq_stuckreply" else self.entry.deliveries
        return (
            {
                "chosen": f"{pk}:{seen}",
                "seen": self.entry.deliveries,
                "data": '{"y": 1}',
                "result_data": "{}",
                "typed_count": 1,
                "username": "intruder",
                "name": "intruders",
                "domain": "intruded",
                "emails": "intruder@example.org",
                "every_minutes": 5,
                "user": self.rows["auth_user"],
            }
            | dict.fromkeys(("reason", "note", "text"), "because")
            | dict.fromkeys(("confirmed", "take_over", "post", "enabled"), "yes")
        )


def stored() -> dict[str, list[str]]:
    """All rows of all tables, sessions apart."""
    tables = {
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.label_lower not in _UNCHANGING
    }
    with connection.cursor() as cursor:
        return {table: _rows_of(cursor, table) for table in sorted(tables)}


def _rows_of(cursor: Any, table: str) -> list[str]:
    cursor.execute(f'SELECT t::text FROM "{table}" AS t ORDER BY 1')
    return [row for (row,) in cursor.fetchall()]

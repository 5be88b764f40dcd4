"""Which entries a rule has not told of yet, each exactly once.

What was told is written down per entry: a mark in time would pass over an entry whose
transaction began before the mark and committed after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse

from processes.bus.states import CommandStatus
from tsq.models import Notification, NotificationRule
from tsq.models.notifications import NotificationKind

MESSAGE_CHARACTERS = 500

FORGET_RESOLVED = """
DELETE FROM tsq_toldentry t
WHERE t.rule_id = %(rule)s AND NOT EXISTS (
    SELECT FROM bus_command c
    WHERE c.id = t.command_id AND c.deliveries = t.deliveries AND c.status = %(parked)s)
"""
"""Safe, for an entry parked anew has another number of deliveries."""

TELL_NEW = """
WITH told AS (
    INSERT INTO tsq_toldentry (rule_id, command_id, deliveries)
    SELECT r.id, c.id, c.deliveries
    FROM tsq_notificationrule r
    JOIN bus_command c ON c.domain = r.domain AND c.parked_at >= r.created_at
    WHERE r.id = %(rule)s AND c.status = %(parked)s
      AND NOT EXISTS (
          SELECT FROM tsq_toldentry t
          WHERE t.rule_id = r.id AND t.command_id = c.id AND t.deliveries = c.deliveries)
      AND NOT EXISTS (
          SELECT FROM tsq_notification n
          WHERE n.rule_id = r.id AND n.fingerprint = c.fingerprint
            AND n.created_at > bus_now() - make_interval(mins => r.every_minutes))
    RETURNING command_id)
SELECT c.fingerprint, count(*), min(c.parked_at), max(c.parked_at),
       (array_agg(c.command_type ORDER BY c.parked_at DESC, c.id))[1],
       (array_agg(c.last_error_code ORDER BY c.parked_at DESC, c.id))[1],
       (array_agg(left(c.last_error_message, %(characters)s) ORDER BY c.parked_at DESC, c.id))[1]
FROM told JOIN bus_command c ON c.id = told.command_id
GROUP BY c.fingerprint
ORDER BY min(c.parked_at), c.fingerprint
"""


@dataclass(frozen=True, slots=True)
class NewEntries:
    """The new entries of one error group; the latest one gives the sample."""

    fingerprint: str
    count: int
    first_parked_at: datetime
    last_parked_at: datetime
    command_type: str
    error_code: str
    sample_message: str


def gather() -> int:
    """Write the notifications that are due; returns how many."""
    rules = NotificationRule.objects.filter(enabled=True).order_by("pk")
    return sum(_gather_for(pk) for pk in rules.values_list("pk", flat=True))


@transaction.atomic
def _gather_for(rule_id: int) -> int:
    """One session at a time; one that finds the rule taken leaves it to the other."""
    rules = NotificationRule.objects.select_for_update(skip_locked=True)
    rule = rules.filter(pk=rule_id, enabled=True).first()
    if rule is None:
        return 0
    notifications = [
        Notification(
            rule=rule,
            kind=kind,
            recipient=recipient,
            fingerprint=group.fingerprint,
            payload=_payload(rule, group),
        )
        for group in _tell_new(rule)
        for kind, recipient in _recipients(rule)
    ]
    Notification.objects.bulk_create(notifications)
    return len(notifications)


def _tell_new(rule: NotificationRule) -> list[NewEntries]:
    parameters: dict[str, int | str] = {
        "rule": rule.pk,
        "parked": CommandStatus.IN_TROUBLESHOOTING_QUEUE.value,
        "characters": MESSAGE_CHARACTERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(FORGET_RESOLVED, parameters)
        cursor.execute(TELL_NEW, parameters)
        return [NewEntries(*row) for row in cursor.fetchall()]


def _recipients(rule: NotificationRule) -> Iterable[tuple[NotificationKind, str]]:
    for address in rule.addresses:
        yield NotificationKind.EMAIL, address
    if rule.webhook_url:
        yield NotificationKind.WEBHOOK, rule.webhook_url


def _payload(rule: NotificationRule, group: NewEntries) -> dict[str, Any]:
    """What the message tells: never the data of a command, which may be personal."""
    query = urlencode({"fingerprint": group.fingerprint})
    return {
        "domain": rule.domain,
        "command_type": group.command_type,
        "error_code": group.error_code,
        "sample_message": group.sample_message,
        "count": group.count,
        "first_parked_at": group.first_parked_at.isoformat(),
        "last_parked_at": group.last_parked_at.isoformat(),
        "fingerprint": group.fingerprint,
        "url": f"{settings.COMMANDBUS_SITE_URL}{reverse('admin:tsq_tsqentry_changelist')}?{query}",
    }

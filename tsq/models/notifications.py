"""Who is told of new entries, what was told, and how its delivery stands."""

import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import models
from django.db.models import Q

from processes.bus.clock import BusNow
from processes.bus.models import NAME_LENGTH

URL_LENGTH = 2000


class NotificationRule(models.Model):
    """Tells of new entries of a domain, at most once per error group and ``every_minutes``."""

    domain = models.CharField(max_length=NAME_LENGTH)
    emails = models.TextField(blank=True, default="", help_text="One address a line.")
    webhook_url = models.CharField(max_length=URL_LENGTH, blank=True, default="")
    webhook_secret = models.CharField(max_length=200, blank=True, default="")
    every_minutes = models.PositiveIntegerField(default=5)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(
        db_default=BusNow(), help_text="Entries parked before this are not told of."
    )

    class Meta:
        ordering = ["domain", "id"]
        constraints = [
            models.CheckConstraint(
                name="rule_has_a_recipient", condition=~Q(emails="") | ~Q(webhook_url="")
            ),
            models.CheckConstraint(
                name="rule_signs_its_webhook", condition=Q(webhook_url="") | ~Q(webhook_secret="")
            ),
            models.CheckConstraint(
                name="rule_waits_a_minute_at_least", condition=Q(every_minutes__gte=1)
            ),
        ]

    def __str__(self) -> str:
        """Without the whole address of the webhook, which may hold a token."""
        named = self.addresses + ([shown_url(self.webhook_url)] if self.webhook_url else [])
        return f"{self.domain}: {', '.join(named)}"

    @property
    def addresses(self) -> list[str]:
        return self.emails.split()


class ToldEntry(models.Model):
    """An entry, as parked after that delivery, is in a notification of the rule: never again.

    Kept while it is parked.  No foreign key to the command, for checking it would wait for
    operators who hold the row.
    """

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(
        NotificationRule, on_delete=models.CASCADE, related_name="told", db_index=False
    )
    command_id = models.UUIDField()
    deliveries = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint("rule", "command_id", "deliveries", name="told_once")
        ]

    def __str__(self) -> str:
        return f"{self.command_id}, delivery {self.deliveries}"


class NotificationKind(models.TextChoices):
    EMAIL = "EMAIL", "E-mail"
    WEBHOOK = "WEBHOOK", "Webhook"


class NotificationStatus(models.TextChoices):
    """Where a notification is; each line says who may move it on."""

    PENDING = "PENDING", "Pending"  # a worker, once it is due
    SENDING = "SENDING", "Sending"  # the worker that took it; another one after its lease
    SENT = "SENT", "Sent"  # nobody
    FAILED = "FAILED", "Failed"  # an operator has it tried again


OPEN = Q(status__in=[NotificationStatus.PENDING, NotificationStatus.SENDING])


class Notification(models.Model):
    """One message to one recipient about the new entries of one error group.

    ``tries`` is never reset: an outcome counts only under the number its try was given.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    rule = models.ForeignKey(
        NotificationRule, on_delete=models.CASCADE, related_name="notifications", db_index=False
    )
    kind = models.CharField(max_length=10, choices=NotificationKind.choices)
    recipient = models.CharField(max_length=URL_LENGTH)
    fingerprint = models.CharField(max_length=32)
    payload = models.JSONField()
    status = models.CharField(
        max_length=20,
        choices=NotificationStatus.choices,
        default=NotificationStatus.PENDING,
    )
    tries = models.PositiveIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(
        db_default=BusNow(), help_text="When due: the next try, or the end of the lease."
    )
    last_error = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=BusNow())
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        default_permissions = ("view",)
        permissions = [("retry_notification", "Can have a notification sent again")]
        indexes = [
            models.Index("next_try_at", name="notification_open", condition=OPEN),
            models.Index("rule", "fingerprint", "created_at", name="notification_of_group"),
            models.Index("created_at", "id", name="notification_by_age"),
            models.Index("status", "created_at", name="notification_by_status"),
        ]
        constraints = [
            models.CheckConstraint(
                name="notification_status_known", condition=Q(status__in=NotificationStatus.values)
            ),
            models.CheckConstraint(
                name="notification_sent_has_its_time",
                condition=Q(status=NotificationStatus.SENT, sent_at__isnull=False)
                | (~Q(status=NotificationStatus.SENT) & Q(sent_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"Notification to {self.shown_recipient}"

    @property
    def shown_recipient(self) -> str:
        is_url = self.kind == NotificationKind.WEBHOOK
        return shown_url(self.recipient) if is_url else self.recipient

    @property
    def told(self) -> dict[str, Any]:
        """What it tells, with times as times."""
        moments = ("first_parked_at", "last_parked_at")
        parsed = {name: datetime.fromisoformat(self.payload[name]) for name in moments}
        return self.payload | parsed


def shown_url(url: str) -> str:
    """Where a webhook goes, without the part of its address that may hold a token."""
    return f"webhook at {urlsplit(url).hostname or '?'}"

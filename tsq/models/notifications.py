"""Who is told of new entries, and what was sent to them."""

from django.db import models
from django.db.models import Q

from processes.bus.clock import BusNow
from processes.bus.models import NAME_LENGTH


class NotificationRule(models.Model):
    """Tells of new entries of a domain, gathered per error group for ``every_minutes``."""

    domain = models.CharField(max_length=NAME_LENGTH)
    emails = models.TextField(blank=True, default="", help_text="One address a line.")
    webhook_url = models.URLField(blank=True, default="", max_length=2000)
    webhook_secret = models.CharField(max_length=200, blank=True, default="")
    every_minutes = models.PositiveIntegerField(default=5)
    enabled = models.BooleanField(default=True)
    told_until = models.DateTimeField(
        db_default=BusNow(), help_text="Entries parked up to here have been told of."
    )

    class Meta:
        ordering = ["domain", "id"]

    def __str__(self) -> str:
        return f"{self.domain}: {self.webhook_url or self.emails}"


class NotificationStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    SENT = "SENT", "Sent"
    FAILED = "FAILED", "Failed"


class Notification(models.Model):
    """One message to one recipient about the new entries of one error group."""

    rule = models.ForeignKey(
        NotificationRule, on_delete=models.CASCADE, related_name="notifications"
    )
    kind = models.CharField(max_length=10, choices=[("email", "E-mail"), ("webhook", "Webhook")])
    recipient = models.CharField(max_length=2000)
    fingerprint = models.CharField(max_length=32)
    payload = models.JSONField()
    status = models.CharField(
        max_length=20,
        choices=NotificationStatus.choices,
        default=NotificationStatus.PENDING,
    )
    tries = models.PositiveIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField(db_default=BusNow())
    last_error = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=BusNow())
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            models.Index(
                "next_try_at",
                name="notification_pending",
                condition=Q(status=NotificationStatus.PENDING),
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="notification_status_known", condition=Q(status__in=NotificationStatus.values)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"

"""Bulk operations: one verb for many entries, frozen when chosen, done by the workers."""

import uuid

from django.db import models
from django.db.models import Q
from django_fsm import FSMField, FSMModelMixin, transition

from processes.bus.clock import BusNow
from processes.bus.models import NAME_LENGTH, Command
from processes.states import RESOLUTIONS, Channel


class BulkStatus(models.TextChoices):
    """Where a bulk operation is; each line says who may move it on."""

    DRAFT = "DRAFT", "Draft"  # the operator confirms it; else it is discarded after a day
    RUNNING = "RUNNING", "Running"  # a worker, chunk by chunk; an operator pauses or stops it
    PAUSED = "PAUSED", "Paused"  # an operator resumes or stops it
    STOPPED = "STOPPED", "Stopped"  # nobody: what was open stays untouched
    FINISHED = "FINISHED", "Finished"  # an operator may retry its failures


class ItemOutcome(models.TextChoices):
    DONE = "DONE", "Done"
    SKIPPED = "SKIPPED", "Skipped"  # already resolved, or parked anew since
    FAILED = "FAILED", "Failed"


class BulkOperation(FSMModelMixin, models.Model):
    """``arguments`` are those of the operation of the same verb (note, reason, result_data)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    verb = models.CharField(max_length=20, choices=[(v.value, v.label) for v in RESOLUTIONS])
    arguments = models.JSONField(default=dict)
    filter = models.JSONField(default=dict, help_text="What it was chosen by, for people to read.")
    operator = models.CharField(max_length=NAME_LENGTH)
    channel = models.CharField(max_length=20, choices=Channel.choices)
    request_id = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    size = models.PositiveIntegerField(default=0, help_text="How many entries were chosen.")
    domains = models.JSONField(default=list, help_text="Those of its entries, to tell who sees it.")
    rate = models.FloatField(null=True, blank=True, help_text="At most so many items a second.")
    status = FSMField(default=BulkStatus.DRAFT, choices=BulkStatus.choices, protected=True)
    available_at = models.DateTimeField(
        db_default=BusNow(),
        help_text="When the next chunk may be taken: end of the lease, or what the rate demands.",
    )
    created_at = models.DateTimeField(db_default=BusNow())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        default_permissions = ("view",)
        indexes = [
            models.Index(
                "available_at", name="bulk_running", condition=Q(status=BulkStatus.RUNNING)
            )
        ]
        constraints = [
            models.CheckConstraint(
                name="bulk_status_known", condition=Q(status__in=BulkStatus.values)
            ),
            models.CheckConstraint(
                name="bulk_rate_above_zero",
                condition=Q(rate=None) | Q(rate__isnull=False, rate__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verb} by {self.operator}"

    @transition(status, BulkStatus.DRAFT, BulkStatus.RUNNING)
    def confirm(self) -> None:
        """The operator has seen what was chosen, and wants it."""
        self.available_at = BusNow()

    @transition(status, BulkStatus.RUNNING, BulkStatus.PAUSED)
    def pause(self) -> None:
        """An operator holds it."""

    @transition(status, BulkStatus.PAUSED, BulkStatus.RUNNING)
    def resume(self) -> None:
        """An operator lets it go on."""

    @transition(status, [BulkStatus.RUNNING, BulkStatus.PAUSED], BulkStatus.STOPPED)
    def stop(self) -> None:
        """An operator ends it; what is open stays untouched."""
        self.finished_at = BusNow()

    @transition(status, BulkStatus.RUNNING, BulkStatus.FINISHED)
    def finish(self) -> None:
        """No item is open."""
        self.finished_at = BusNow()

    @transition(status, BulkStatus.FINISHED, BulkStatus.RUNNING)
    def retry_failures(self) -> None:
        """An operator opens the failed items again."""
        self.finished_at = None
        self.available_at = BusNow()


class BulkItem(models.Model):
    """One entry of a bulk operation, as it was when the operator chose it."""

    id = models.BigAutoField(primary_key=True)
    operation = models.ForeignKey(
        BulkOperation, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    command = models.ForeignKey(Command, on_delete=models.CASCADE, related_name="+")
    seen = models.PositiveIntegerField(help_text="The deliveries number the operator saw.")
    outcome = models.CharField(  # noqa: DJ001 - none yet is not an empty one
        max_length=20, choices=ItemOutcome.choices, null=True, blank=True
    )
    message = models.TextField(blank=True, default="", db_default="")
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()
        indexes = [
            models.Index("operation", "id", name="bulk_item_open", condition=Q(outcome=None)),
            models.Index("operation", "outcome", name="bulk_item_by_outcome"),
        ]
        constraints = [
            models.UniqueConstraint("operation", "command", name="bulk_item_once"),
            models.CheckConstraint(
                name="bulk_item_outcome_has_its_time",
                condition=Q(outcome=None, at=None)
                | Q(outcome__isnull=False, outcome__in=ItemOutcome.values, at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command_id}: {self.outcome or 'open'}"

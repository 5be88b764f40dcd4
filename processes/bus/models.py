"""What the bus keeps: commands with their status machine, replies, and the event log."""

import uuid

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMField, FSMModelMixin, transition

from processes.bus.clock import BusNow
from processes.bus.querysets import (
    FINAL_REPLY,
    OUT_OF_TRIES,
    PARKED,
    PARKING,
    UNHANDLED,
    UNSETTLED,
    WAITING,
    WITH_ERROR,
    WITHOUT_CODE,
    CommandEventQuerySet,
    CommandQuerySet,
    ReplyQuerySet,
)
from processes.bus.states import FINAL_STATUSES, CommandStatus, EventType, ReplyOutcome

NAME_LENGTH = 200


class Command(FSMModelMixin, models.Model):
    """A durable request to do one thing.

    Workers move commands by set-based statements that take their sources and targets from the
    transitions below (``states.edge``); operators move a single, locked command by calling them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    domain = models.CharField(max_length=NAME_LENGTH)
    command_type = models.CharField(max_length=NAME_LENGTH)
    data = models.JSONField(help_text="As sent; never changed.")
    edited_data = models.JSONField(
        null=True, blank=True, help_text="Delivered in its place, if an operator mended it."
    )
    correlation_id = models.UUIDField(null=True, blank=True, db_index=True)
    reply_to = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    status = FSMField(default=CommandStatus.PENDING, choices=CommandStatus.choices, protected=True)
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    deliveries = models.PositiveIntegerField(
        default=0, db_default=0, help_text="The fencing token: an outcome counts only under it."
    )
    max_attempts = models.PositiveIntegerField()
    alone = models.BooleanField(
        default=False, db_default=False, help_text="Lost a lease: delivered with no company."
    )
    available_at = models.DateTimeField(
        db_default=BusNow(), help_text="When due: first delivery, next retry or end of the lease."
    )
    handler_missing_since = models.DateTimeField(null=True, blank=True)
    last_error_code = models.CharField(
        max_length=NAME_LENGTH, blank=True, default="", db_default=""
    )
    last_error_message = models.TextField(blank=True, default="", db_default="")
    fingerprint = models.CharField(
        max_length=32, blank=True, default="", db_default="", help_text="Groups alike errors."
    )
    created_at = models.DateTimeField(db_default=BusNow())
    updated_at = models.DateTimeField(db_default=BusNow())
    completed_at = models.DateTimeField(null=True, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)

    objects = CommandQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                "domain",
                "command_type",
                "available_at",
                "id",
                name="command_due",
                condition=WAITING,
            ),
            models.Index("available_at", "id", name="command_unsettled", condition=UNSETTLED),
            models.Index("parked_at", "id", name="command_parked", condition=PARKED),
            models.Index(
                "domain", "command_type", name="command_waiting_for_code", condition=WITHOUT_CODE
            ),
            models.Index("created_at", "id", name="command_by_age"),
            models.Index("domain", "command_type", "created_at", "id", name="command_by_lane"),
            models.Index("created_at", "id", name="command_with_error", condition=WITH_ERROR),
            models.Index(
                "completed_at", name="command_completed", condition=Q(completed_at__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="command_status_known", condition=Q(status__in=CommandStatus.values)
            ),
            models.CheckConstraint(
                name="command_final_has_its_time",
                condition=Q(status__in=FINAL_STATUSES, completed_at__isnull=False)
                | (~Q(status__in=FINAL_STATUSES) & Q(completed_at=None)),
            ),
            models.CheckConstraint(
                name="command_parked_has_time_and_error",
                condition=~PARKED | (Q(parked_at__isnull=False) & ~Q(last_error_code="")),
            ),
            models.CheckConstraint(
                name="command_waiting_is_not_parked",
                condition=~Q(status__in=[CommandStatus.PENDING, CommandStatus.IN_PROGRESS])
                | Q(parked_at=None),
            ),
            models.CheckConstraint(
                name="command_attempts_within_bounds",
                condition=Q(max_attempts__gte=1)
                & Q(attempts__lte=F("max_attempts"))
                & Q(attempts__lte=F("deliveries")),
            ),
            models.CheckConstraint(
                name="command_in_progress_was_delivered",
                condition=~Q(status=CommandStatus.IN_PROGRESS) | Q(deliveries__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command_type} {self.id}"

    @transition(
        status, [CommandStatus.PENDING, CommandStatus.IN_PROGRESS], CommandStatus.IN_PROGRESS
    )
    def claim(self) -> None:
        """A worker takes it: due, or its lease has ended."""

    @transition(status, CommandStatus.IN_PROGRESS, CommandStatus.COMPLETED)
    def succeed(self) -> None:
        """The handler returned."""

    @transition(status, CommandStatus.IN_PROGRESS, CommandStatus.PENDING)
    def schedule_retry(self) -> None:
        """A transient error, and attempts are left: due after the backoff."""

    @transition(status, CommandStatus.IN_PROGRESS, CommandStatus.PENDING)
    def release(self) -> None:
        """The worker hands it back unrun: the attempt does not count."""

    @transition(status, CommandStatus.IN_PROGRESS, CommandStatus.FAILED)
    def reject(self) -> None:
        """A business rule says no."""

    @transition(status, CommandStatus.IN_PROGRESS, CommandStatus.IN_TROUBLESHOOTING_QUEUE)
    def park(self) -> None:
        """It cannot succeed by itself; an operator decides."""

    @transition(status, CommandStatus.IN_TROUBLESHOOTING_QUEUE, CommandStatus.PENDING)
    def requeue(self) -> None:
        """An operator retries it: attempts start anew, due now."""
        self.attempts = 0
        self.alone = False
        self.parked_at = None
        self.handler_missing_since = None
        self.available_at = BusNow()

    @transition(status, CommandStatus.IN_TROUBLESHOOTING_QUEUE, CommandStatus.COMPLETED)
    def complete_by_operator(self) -> None:
        """An operator did by hand what the handler could not."""
        self.completed_at = BusNow()

    @transition(status, CommandStatus.IN_TROUBLESHOOTING_QUEUE, CommandStatus.CANCELED)
    def cancel_by_operator(self) -> None:
        """An operator gives it up."""
        self.completed_at = BusNow()


class Reply(models.Model):
    """What became of a command, addressed to whoever sent it; read in order of ``id``."""

    id = models.BigAutoField(primary_key=True)
    command = models.ForeignKey(Command, on_delete=models.CASCADE, related_name="replies")
    correlation_id = models.UUIDField(null=True, blank=True)
    reply_to = models.CharField(max_length=NAME_LENGTH)
    outcome = models.CharField(max_length=20, choices=ReplyOutcome.choices)
    data = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_default="")
    error_message = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=BusNow())
    handled_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0, db_default=0)
    retry_at = models.DateTimeField(db_default=BusNow(), help_text="When its handling is due.")
    last_error = models.TextField(blank=True, default="", db_default="")

    objects = ReplyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "replies"
        indexes = [
            models.Index(
                "reply_to", "correlation_id", "id", name="reply_unhandled", condition=UNHANDLED
            ),
            models.Index("reply_to", "retry_at", name="reply_due", condition=UNHANDLED),
            models.Index("retry_at", "id", name="reply_stuck", condition=OUT_OF_TRIES),
        ]
        constraints = [
            models.UniqueConstraint(
                "command", name="reply_one_final_per_command", condition=FINAL_REPLY
            ),
            models.CheckConstraint(
                name="reply_outcome_known", condition=Q(outcome__in=ReplyOutcome.values)
            ),
            models.CheckConstraint(name="reply_has_an_address", condition=~Q(reply_to="")),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} reply {self.id}"

    @property
    def version(self) -> int:
        """Another number after each try: what an operator saw is recognised by it."""
        return int(self.retry_at.timestamp() * 1_000_000)


class CommandEvent(models.Model):
    """One line of a command's log; rows are only ever added."""

    id = models.BigAutoField(primary_key=True)
    command = models.ForeignKey(Command, on_delete=models.CASCADE, related_name="events")
    type = models.CharField(max_length=20, choices=EventType.choices)
    delivery = models.PositiveIntegerField(default=0, db_default=0)
    actor = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_default="")
    details = models.JSONField(null=True, blank=True)
    at = models.DateTimeField(db_default=BusNow())

    objects = CommandEventQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index("at", name="event_parked", condition=PARKING),
        ]
        constraints = [
            models.CheckConstraint(name="event_type_known", condition=Q(type__in=EventType.values))
        ]

    def __str__(self) -> str:
        return f"{self.type} of {self.command_id}"

"""What the engine keeps: processes with their status machine, the audit trail, operator actions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMField, FSMModelMixin, transition

from processes.bus.clock import BusNow
from processes.bus.models import NAME_LENGTH, Command, Reply
from processes.heartbeat import WorkerHeartbeat
from processes.states import (
    RESOLUTIONS,
    TERMINAL_STATUSES,
    Channel,
    Direction,
    OperatorVerb,
    ProcessStatus,
    StepOutcome,
    SubjectKind,
)

if TYPE_CHECKING:
    from processes.trail import AuditTrail

__all__ = ["DomainLimit", "OperatorAction", "Process", "ProcessStep", "WorkerHeartbeat"]

ABOVE = ~Q(subject_kind="")
NOT_ABOVE = Q(subject_kind="", subject_id="")
OPEN_FORWARD_STEP = Q(direction=Direction.FORWARD, outcome=None)


class Process(FSMModelMixin, models.Model):
    """One running flow.  Its manager moves it, under a lock, one reply at a time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    domain = models.CharField(max_length=NAME_LENGTH)
    process_type = models.CharField(max_length=NAME_LENGTH)
    data = models.JSONField()
    status = FSMField(default=ProcessStatus.PENDING, choices=ProcessStatus.choices, protected=True)
    current_step = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    state = models.JSONField(default=dict)
    error_code = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_default="")
    error_message = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=BusNow())
    updated_at = models.DateTimeField(db_default=BusNow())
    completed_at = models.DateTimeField(null=True, blank=True)

    trail: AuditTrail
    """The steps so far, as the engine loads them for the manager to read and extend."""
    data_text: str
    state_text: str
    """``data`` and ``state`` as JSON text that PostgreSQL can hold, set before writing."""

    class Meta:
        verbose_name_plural = "processes"
        permissions = [("compensate_process", "Can run the compensation of a failed process")]
        indexes = [
            models.Index("status", "created_at", name="process_by_status"),
            models.Index("created_at", "id", name="process_by_age"),
            models.Index(
                "created_at", "id", name="process_with_error", condition=~Q(error_code="")
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="process_status_known_and_committable",
                condition=Q(
                    status__in=[s for s in ProcessStatus if s != ProcessStatus.IN_PROGRESS]
                ),
            ),
            models.CheckConstraint(
                name="process_terminal_has_its_time",
                condition=Q(status__in=TERMINAL_STATUSES, completed_at__isnull=False)
                | (~Q(status__in=TERMINAL_STATUSES) & Q(completed_at=None)),
            ),
            models.CheckConstraint(
                name="process_failed_has_its_error",
                condition=~Q(status=ProcessStatus.FAILED) | ~Q(error_code=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.process_type} {self.id}"

    @transition(
        status,
        [ProcessStatus.PENDING, ProcessStatus.IN_PROGRESS],
        ProcessStatus.WAITING_FOR_REPLY,
    )
    def await_reply(self, step: str) -> None:
        """The step's command is sent."""
        self.current_step = step

    @transition(
        status,
        [ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ],
        ProcessStatus.IN_PROGRESS,
    )
    def accept_reply(self) -> None:
        """A SUCCESS reply is being handled."""

    @transition(status, ProcessStatus.IN_PROGRESS, ProcessStatus.COMPLETED)
    def complete(self) -> None:
        """There is no next step."""

    @transition(
        status,
        [ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ],
        ProcessStatus.FAILED,
    )
    def fail(self, error_code: str, error_message: str) -> None:
        """A FAILED reply, or an operator gave up a stuck one."""
        self.record_error(error_code, error_message)

    @transition(status, ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ)
    def wait_for_tsq(self) -> None:
        """The outstanding command is parked."""

    @transition(status, ProcessStatus.WAITING_FOR_TSQ, ProcessStatus.WAITING_FOR_REPLY)
    def resume(self) -> None:
        """An operator retried the command."""

    @transition(
        status,
        [ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ, ProcessStatus.FAILED],
        ProcessStatus.COMPENSATING,
    )
    def begin_compensation(self) -> None:
        """A CANCELED reply, or an operator asks for it on a FAILED process."""

    @transition(status, ProcessStatus.COMPENSATING, ProcessStatus.COMPENSATED)
    def finish_compensation(self) -> None:
        """No compensation is left to run."""

    def record_error(self, error_code: str, error_message: str) -> None:
        self.error_code = error_code
        self.error_message = error_message

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL_STATUSES


class ProcessStep(models.Model):
    """One command sent by a process, and what came of it: the audit trail.

    ``command_id`` and ``sent_at`` are missing only on a compensation that could not be built.
    """

    id = models.BigAutoField(primary_key=True)
    process = models.ForeignKey(
        Process, on_delete=models.CASCADE, related_name="steps", db_index=False
    )
    sequence = models.PositiveIntegerField()
    step = models.CharField(max_length=NAME_LENGTH)
    direction = models.CharField(max_length=20, choices=Direction.choices)
    compensates = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="compensated_by",
        db_index=False,
    )
    command_id = models.UUIDField(null=True, blank=True, unique=True)
    command_type = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_default="")
    command_data = models.JSONField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    parked_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(  # noqa: DJ001 - none yet is not an empty one
        max_length=20, choices=StepOutcome.choices, null=True, blank=True
    )
    reply_data = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=NAME_LENGTH, blank=True, default="", db_default="")
    error_message = models.TextField(blank=True, default="", db_default="")
    received_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["process", "sequence"]
        constraints = [
            models.UniqueConstraint("process", "sequence", name="step_sequence_unique"),
            models.UniqueConstraint(
                "process", name="step_one_open_forward_per_process", condition=OPEN_FORWARD_STEP
            ),
            models.UniqueConstraint(
                "compensates",
                name="step_one_compensation_per_forward_step",
                condition=Q(compensates__isnull=False),
            ),
            models.CheckConstraint(
                name="step_compensation_names_what_it_undoes",
                condition=Q(direction=Direction.FORWARD, compensates=None)
                | Q(direction=Direction.COMPENSATION, compensates__isnull=False),
            ),
            models.CheckConstraint(
                name="step_outcome_has_its_time",
                condition=Q(outcome=None, received_at=None)
                | Q(
                    outcome__isnull=False,  # else the comparison is null, and a null check passes
                    outcome__in=StepOutcome.values,
                    received_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="step_unsent_only_as_failed_compensation",
                condition=Q(command_id__isnull=False, sent_at__isnull=False)
                | Q(
                    command_id=None,
                    sent_at=None,
                    direction=Direction.COMPENSATION,
                    outcome__isnull=False,
                    outcome=StepOutcome.FAILED,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sequence}. {self.step}"

    @property
    def is_tried(self) -> bool:
        """It has an outcome, or waits in the TSQ where an operator takes care of it."""
        return self.outcome is not None or self.parked_at is not None


class DomainLimit(models.Model):
    """Limits a person, or the people of a group, to a domain; who has no limit sees them all."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="domain_limits",
    )
    group = models.ForeignKey(
        "auth.Group",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="domain_limits",
    )
    domain = models.CharField(max_length=NAME_LENGTH)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="domain_limit_is_for_one",
                condition=Q(user__isnull=False, group=None) | Q(user=None, group__isnull=False),
            ),
            models.UniqueConstraint(
                "user",
                "domain",
                name="domain_limit_once_per_user",
                condition=Q(user__isnull=False),
            ),
            models.UniqueConstraint(
                "group",
                "domain",
                name="domain_limit_once_per_group",
                condition=Q(group__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.domain}"


class OperatorActionQuerySet(models.QuerySet["OperatorAction"]):
    def resolutions(self) -> Self:
        """Those that moved on what they were done to; claims and notes do not."""
        return self.filter(action__in=RESOLUTIONS)

    def on(self, kind: SubjectKind, pk: object) -> Self:
        """Those done to one subject above the engine."""
        return self.filter(subject_kind=kind, subject_id=str(pk))


class OperatorAction(models.Model):
    """Who did what to exactly one subject; rows are only ever added.

    A subject above the engine is named by ``subject_kind`` and ``subject_id``.
    """

    id = models.BigAutoField(primary_key=True)
    command = models.ForeignKey(
        Command, on_delete=models.CASCADE, null=True, blank=True, related_name="operator_actions"
    )
    process = models.ForeignKey(
        Process, on_delete=models.CASCADE, null=True, blank=True, related_name="operator_actions"
    )
    reply = models.ForeignKey(
        Reply, on_delete=models.CASCADE, null=True, blank=True, related_name="operator_actions"
    )
    subject_kind = models.CharField(
        max_length=20, choices=SubjectKind.choices, blank=True, default="", db_default=""
    )
    subject_id = models.CharField(max_length=50, blank=True, default="", db_default="")
    domain = models.CharField(
        max_length=NAME_LENGTH, help_text="That of its subject; empty where it has several."
    )
    action = models.CharField(max_length=20, choices=OperatorVerb.choices)
    operator = models.CharField(max_length=NAME_LENGTH)
    channel = models.CharField(max_length=20, choices=Channel.choices)
    request_id = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="The reason or note given.")
    before = models.JSONField()
    after = models.JSONField()
    at = models.DateTimeField(db_default=BusNow())

    objects = OperatorActionQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        default_permissions = ("view",)
        indexes = [
            models.Index("domain", "id", name="action_by_domain"),
            models.Index("operator", "id", name="action_by_operator"),
            models.Index("action", "id", name="action_by_verb"),
            models.Index("channel", "id", name="action_by_channel"),
            models.Index("at", name="action_by_time"),
            models.Index(
                "subject_kind", "subject_id", "id", name="action_on_subject", condition=ABOVE
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="action_has_exactly_one_subject",
                condition=Q(command__isnull=False, process=None, reply=None) & NOT_ABOVE
                | Q(command=None, process__isnull=False, reply=None) & NOT_ABOVE
                | Q(command=None, process=None, reply__isnull=False) & NOT_ABOVE
                | Q(command=None, process=None, reply=None) & ABOVE & ~Q(subject_id=""),
            ),
            models.CheckConstraint(
                name="action_and_channel_known",
                condition=Q(
                    action__in=OperatorVerb.values,
                    channel__in=Channel.values,
                    subject_kind__in=["", *SubjectKind.values],
                ),
            ),
            models.CheckConstraint(name="action_names_its_operator", condition=~Q(operator="")),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.operator}"

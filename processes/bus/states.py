"""The words of the command's life, and how set-based statements ask the status machine.

The machine itself is declared once, as transitions of ``models.Command``.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import models


class CommandStatus(models.TextChoices):
    """Where a command is; each line says who may move it on."""

    PENDING = "PENDING", "Pending"  # a worker, once it is due
    IN_PROGRESS = "IN_PROGRESS", "In progress"  # the worker that claimed it, until its lease ends
    COMPLETED = "COMPLETED", "Completed"  # nobody: it has its SUCCESS reply
    FAILED = "FAILED", "Failed"  # nobody: it has its FAILED reply
    CANCELED = "CANCELED", "Canceled"  # nobody: it has its CANCELED reply
    IN_TROUBLESHOOTING_QUEUE = "IN_TROUBLESHOOTING_QUEUE", "In troubleshooting queue"  # an operator


FINAL_STATUSES = (CommandStatus.COMPLETED, CommandStatus.FAILED, CommandStatus.CANCELED)


class ReplyOutcome(models.TextChoices):
    """What a reply says: a command has at most one of the final ones, and any number of notices."""

    SUCCESS = "SUCCESS", "Success"
    FAILED = "FAILED", "Failed"
    CANCELED = "CANCELED", "Canceled"
    PARKED = "PARKED", "Parked"
    REQUEUED = "REQUEUED", "Requeued"


FINAL_OUTCOMES = (ReplyOutcome.SUCCESS, ReplyOutcome.FAILED, ReplyOutcome.CANCELED)


class EventType(models.TextChoices):
    SENT = "SENT", "Sent"
    RETRY_SCHEDULED = "RETRY_SCHEDULED", "Retry scheduled"
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    PARKED = "PARKED", "Parked"
    RELEASED = "RELEASED", "Released"
    LATE_OUTCOME = "LATE_OUTCOME", "Late outcome"
    OPERATOR_RETRY = "OPERATOR_RETRY", "Operator: retry"
    OPERATOR_COMPLETE = "OPERATOR_COMPLETE", "Operator: complete"
    OPERATOR_CANCEL = "OPERATOR_CANCEL", "Operator: cancel"
    OPERATOR_EDIT = "OPERATOR_EDIT", "Operator: edit and retry"


class Edge(NamedTuple):
    """A declared transition, as a set-based statement needs it."""

    sources: tuple[str, ...]
    target: str


def edge(model: type[models.Model], transition: str) -> Edge:
    """The sources and the target of ``model``'s declared status transition."""
    declared: dict[Any, Any] = getattr(model, transition)._django_fsm.transitions  # noqa: SLF001
    (target,) = {move.target for move in declared.values()}
    return Edge(tuple(str(source) for source in declared), str(target))


def quoted(values: Iterable[str]) -> str:
    """Statuses or outcomes as the right side of SQL's IN, spelled out for the planner."""
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"

"""The words of a process's life; the machine itself is declared in ``models.Process``."""

from django.db import models


class ProcessStatus(models.TextChoices):
    """Where a process is; each line says what moves it on."""

    PENDING = "PENDING", "Pending"  # sending its first command
    IN_PROGRESS = "IN_PROGRESS", "In progress"  # deciding what follows; never committed
    WAITING_FOR_REPLY = "WAITING_FOR_REPLY", "Waiting for reply"  # the outstanding command's reply
    WAITING_FOR_TSQ = "WAITING_FOR_TSQ", "Waiting for TSQ"  # an operator, through a reply
    COMPENSATING = "COMPENSATING", "Compensating"  # the reply to the latest compensation
    COMPLETED = "COMPLETED", "Completed"  # nothing
    COMPENSATED = "COMPENSATED", "Compensated"  # nothing
    FAILED = "FAILED", "Failed"  # only an operator's "run compensation"


TERMINAL_STATUSES = (ProcessStatus.COMPLETED, ProcessStatus.COMPENSATED, ProcessStatus.FAILED)


class Direction(models.TextChoices):
    FORWARD = "FORWARD", "Forward"
    COMPENSATION = "COMPENSATION", "Compensation"


class StepOutcome(models.TextChoices):
    SUCCESS = "SUCCESS", "Success"
    FAILED = "FAILED", "Failed"
    CANCELED = "CANCELED", "Canceled"


class OperatorVerb(models.TextChoices):
    RETRY = "retry", "Retry"
    COMPLETE = "complete", "Complete"
    CANCEL = "cancel", "Cancel"
    EDIT = "edit", "Edit and retry"
    COMPENSATE = "compensate", "Compensate"
    HANDLE_AGAIN = "handle_again", "Handle again"
    GIVE_UP = "give_up", "Give up"


class Channel(models.TextChoices):
    ADMIN = "admin", "Admin"
    API = "api", "API"
    CLI = "cli", "Command line"
    PYTHON = "python", "Python"

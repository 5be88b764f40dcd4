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
    """What an operator can do; those of ``RESOLUTIONS`` move on what they are done to."""

    RETRY = "retry", "Retry"
    COMPLETE = "complete", "Complete"
    CANCEL = "cancel", "Cancel"
    EDIT = "edit", "Edit and retry"
    COMPENSATE = "compensate", "Compensate"
    HANDLE_AGAIN = "handle_again", "Handle again"
    GIVE_UP = "give_up", "Give up"
    CLAIM = "claim", "Claim"
    RELEASE = "release", "Release"
    NOTE = "note", "Add a note"
    CONFIRM = "confirm", "Confirm"
    PAUSE = "pause", "Pause"
    RESUME = "resume", "Resume"
    STOP = "stop", "Stop"
    RETRY_FAILURES = "retry_failures", "Retry failures"
    ADD = "add", "Add"
    CHANGE = "change", "Change"
    DELETE = "delete", "Delete"


RESOLUTIONS = (
    *(OperatorVerb.RETRY, OperatorVerb.COMPLETE, OperatorVerb.CANCEL, OperatorVerb.EDIT),
    *(OperatorVerb.COMPENSATE, OperatorVerb.HANDLE_AGAIN, OperatorVerb.GIVE_UP),
)


class SubjectKind(models.TextChoices):
    """What operators act on above the engine, which knows these by name and id only."""

    BULK_OPERATION = "bulk_operation", "Bulk operation"
    NOTIFICATION = "notification", "Notification"
    NOTIFICATION_RULE = "notification_rule", "Notification rule"


class Channel(models.TextChoices):
    ADMIN = "admin", "Admin"
    API = "api", "API"
    CLI = "cli", "Command line"
    PYTHON = "python", "Python"

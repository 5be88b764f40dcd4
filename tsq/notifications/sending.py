"""Sends what is due: take one under a lease, send it outside any transaction, note the outcome.

At least once: a worker that dies after sending leaves it to the next one.  The identity that the
receiver sees is the same each time.
"""

import http.client
import logging
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from processes.audit import Operator, Subject, record_action_above
from processes.bus.clock import BusNow
from processes.bus.errors import CommandBusError, NotFound
from processes.bus.fitness import fit_text
from processes.states import Channel, OperatorVerb, SubjectKind
from tsq.models import Notification
from tsq.models.notifications import OPEN, NotificationKind, NotificationStatus
from tsq.notifications.mail import send_mail
from tsq.notifications.webhook import post_webhook

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
"""After the first, second and third try that failed; the one after the last wait is the last."""

BUDGET_SECONDS = 50.0
ERROR_CHARACTERS = 300


class NotRetriable(CommandBusError):
    """The notification is sent, or being sent, or its rule is switched off."""

    code = "NOT_RETRIABLE"


def send_due(seconds: float = BUDGET_SECONDS) -> int:
    """Send what is due, for about so long; returns how many tries were made."""
    until = time.monotonic() + seconds
    tries = 0
    while time.monotonic() < until and (notification := _take()):
        _settle(notification, _try(notification))
        tries += 1
    return tries


@transaction.atomic
def _take() -> Notification | None:
    """New ones first, so that a receiver which is down holds up nobody else's first try."""
    due = Notification.objects.filter(OPEN, next_try_at__lte=BusNow(), rule__enabled=True)
    unlocked = due.select_for_update(skip_locked=True, of=("self",)).select_related("rule")
    notification = unlocked.annotate(taken_at=BusNow()).order_by("tries", "next_try_at").first()
    if notification is None:
        return None
    notification.tries += 1
    Notification.objects.filter(pk=notification.pk).update(
        status=NotificationStatus.SENDING, tries=F("tries") + 1, next_try_at=BusNow() + LEASE
    )
    return notification


def _try(notification: Notification) -> str:
    """Send it; returns what went wrong, or nothing."""
    try:
        if notification.kind == NotificationKind.EMAIL:
            send_mail(notification)
        else:
            taken_at: datetime = notification.taken_at  # type: ignore[attr-defined]
            post_webhook(notification, int(taken_at.timestamp()))
    except Exception as error:  # whatever a mail backend or a receiver does
        logger.warning("Notification %s not sent: %s", notification.pk, type(error).__name__)
        return _in_words(error)
    return ""


def _in_words(error: Exception) -> str:
    """Never what a receiver wrote, which an HTTPException repeats."""
    if isinstance(error, http.client.HTTPException):
        return f"The receiver's answer is not HTTP ({type(error).__name__})."
    return fit_text(f"{type(error).__name__}: {error}", ERROR_CHARACTERS)


def _settle(notification: Notification, problem: str) -> None:
    """Note the outcome, unless the lease has ended and another worker has taken it."""
    taken = Notification.objects.filter(
        pk=notification.pk, tries=notification.tries, status=NotificationStatus.SENDING
    )
    if notification.kind == NotificationKind.WEBHOOK:
        taken.update(recipient=notification.rule.webhook_url)  # where it went, this time
    if not problem:
        taken.update(status=NotificationStatus.SENT, sent_at=BusNow())
    elif notification.tries > len(WAITS):
        taken.update(status=NotificationStatus.FAILED, last_error=problem)
    else:
        taken.update(
            status=NotificationStatus.PENDING,
            last_error=problem,
            next_try_at=BusNow() + WAITS[notification.tries - 1],
        )


@transaction.atomic
def retry_now(
    notification_id: uuid.UUID,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> None:
    """Have a notification that failed, or waits for its next try, tried at once.

    Raises NotFound, NotRetriable.
    """
    by = Operator(operator, channel, request_id)
    rows = Notification.objects.select_for_update(of=("self",)).select_related("rule")
    notification = rows.filter(pk=notification_id).first()
    if notification is None:
        raise NotFound(f"There is no notification {notification_id}.")
    before = _told(notification)
    if notification.status in (NotificationStatus.SENT, NotificationStatus.SENDING):
        state = notification.get_status_display().lower()
        raise NotRetriable(f"This notification need not be tried again; it is {state}.")
    if not notification.rule.enabled:
        raise NotRetriable("Its rule is switched off; switch it on first.")
    notification.status = NotificationStatus.PENDING
    notification.next_try_at = BusNow()
    notification.save(update_fields=["status", "next_try_at"])
    subject = Subject(SubjectKind.NOTIFICATION, notification.pk, notification.rule.domain)
    record_action_above(OperatorVerb.RETRY, by, "", before, _told(notification), subject)


def _told(notification: Notification) -> dict[str, Any]:
    """What an audit row keeps of a notification."""
    return {
        "status": notification.status,
        "recipient": notification.shown_recipient,
        "tries": notification.tries,
        "last_error": notification.last_error,
    }

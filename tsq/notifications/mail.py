"""One notification as an e-mail."""

from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from tsq.models import Notification

SUBJECT_CHARACTERS = 150


def send_mail(notification: Notification) -> None:
    told = notification.payload
    moments = {name: datetime.fromisoformat(told[name]) for name in _MOMENTS}
    context = told | moments
    subject = " ".join(render_to_string("tsq/notification_subject.txt", context).split())
    EmailMessage(
        subject[:SUBJECT_CHARACTERS],
        render_to_string("tsq/notification_mail.txt", context),
        to=[notification.recipient],
        headers={"Message-ID": _message_id(notification)},
    ).send()


_MOMENTS = ("first_parked_at", "last_parked_at")


def _message_id(notification: Notification) -> str:
    """The same for every try, so that the reader's mailbox can tell a repetition."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{notification.pk}@{host}>"

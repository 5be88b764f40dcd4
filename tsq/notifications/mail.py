"""One notification as an e-mail."""

from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from tsq.models import Notification

SUBJECT_CHARACTERS = 150


def send_mail(notification: Notification) -> None:
    subject = " ".join(render_to_string("tsq/notification_subject.txt", notification.told).split())
    EmailMessage(
        subject[:SUBJECT_CHARACTERS],
        render_to_string("tsq/notification_mail.txt", notification.told),
        to=[notification.recipient],
        headers={"Message-ID": _message_id(notification)},
    ).send()


def _message_id(notification: Notification) -> str:
    """The same for every try, so that the reader's mailbox can tell a repetition."""
    host = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{notification.pk}@{host}>"

"""What django-q2's workers run for notifications, every minute."""

from tsq.notifications.gathering import gather
from tsq.notifications.sending import send_due


def notify() -> None:
    gather()
    send_due()

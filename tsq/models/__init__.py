"""What operators work with: entries, their care, bulk operations, notifications."""

from tsq.models.bulk import BulkItem, BulkOperation
from tsq.models.care import EntryClaim, EntryNote
from tsq.models.entries import StuckReply, TsqEntry
from tsq.models.notifications import Notification, NotificationRule, ToldEntry

__all__ = [
    "BulkItem",
    "BulkOperation",
    "EntryClaim",
    "EntryNote",
    "Notification",
    "NotificationRule",
    "StuckReply",
    "ToldEntry",
    "TsqEntry",
]

"""What operators work on: proxies, so that permissions and pages have names of their own."""

from typing import ClassVar

from django.db import models

from processes.bus.models import Command, Reply
from processes.bus.querysets import CommandQuerySet, ReplyQuerySet


class ParkedManager(models.Manager["TsqEntry"].from_queryset(CommandQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> CommandQuerySet:
        return super().get_queryset().parked()


class StuckManager(models.Manager["StuckReply"].from_queryset(ReplyQuerySet)):  # type: ignore[misc]
    def get_queryset(self) -> ReplyQuerySet:
        return super().get_queryset().stuck()


class TsqEntry(Command):
    """A parked command as the operator sees it."""

    objects: ClassVar = ParkedManager()

    class Meta:
        proxy = True
        verbose_name = "TSQ entry"
        verbose_name_plural = "TSQ entries"
        default_permissions = ("view",)
        permissions = [
            ("retry_tsqentry", "Can retry a TSQ entry"),
            ("complete_tsqentry", "Can complete a TSQ entry"),
            ("cancel_tsqentry", "Can cancel a TSQ entry"),
            ("edit_tsqentry", "Can edit the data of a TSQ entry and retry it"),
            ("claim_tsqentry", "Can claim a TSQ entry and add notes to it"),
        ]


class StuckReply(Reply):
    """A reply whose handling failed too often; it holds up its process."""

    objects: ClassVar = StuckManager()

    class Meta:
        proxy = True
        verbose_name = "stuck reply"
        verbose_name_plural = "stuck replies"
        default_permissions = ("view",)
        permissions = [
            ("handle_again_stuckreply", "Can have a stuck reply handled again"),
            ("give_up_stuckreply", "Can give up a stuck reply"),
        ]

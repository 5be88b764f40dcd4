"""Who looks after an entry, and what they found out.  Neither locks anybody out."""

from django.db import models

from processes.bus.clock import BusNow
from processes.bus.models import NAME_LENGTH, Command
from processes.states import Channel


class EntryClaim(models.Model):
    """An operator says: I look after this one.  Gone when the entry is released or resolved."""

    command = models.OneToOneField(
        Command, on_delete=models.CASCADE, primary_key=True, related_name="entry_claim"
    )
    operator = models.CharField(max_length=NAME_LENGTH, db_index=True)
    claimed_at = models.DateTimeField(db_default=BusNow())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"claimed by {self.operator}"


class EntryNote(models.Model):
    """What an operator wants the next one to know; rows are only ever added."""

    command = models.ForeignKey(Command, on_delete=models.CASCADE, related_name="notes")
    operator = models.CharField(max_length=NAME_LENGTH)
    channel = models.CharField(max_length=20, choices=Channel.choices)
    text = models.TextField()
    at = models.DateTimeField(db_default=BusNow())

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.operator}: {self.text[:50]}"

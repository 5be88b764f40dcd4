"""Named queries of the bus; no other module filters by status."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from processes.bus.clock import BusNow
from processes.bus.states import FINAL_OUTCOMES, CommandStatus, EventType

if TYPE_CHECKING:
    from processes.bus.models import (  # noqa: F401 - named in text below
        Command,
        CommandEvent,
        Reply,
    )

MAX_TRIES = 5
"""A reply whose handling failed so often is stuck and waits for an operator."""

WAITING = Q(status=CommandStatus.PENDING, alone=False)
UNSETTLED = Q(status=CommandStatus.IN_PROGRESS) | Q(status=CommandStatus.PENDING, alone=True)
PARKED = Q(status=CommandStatus.IN_TROUBLESHOOTING_QUEUE)
FINAL_REPLY = Q(outcome__in=FINAL_OUTCOMES)
WITH_ERROR = ~Q(last_error_code="")
WITHOUT_CODE = Q(status=CommandStatus.PENDING, handler_missing_since__isnull=False)
PARKING = Q(type=EventType.PARKED)
UNHANDLED = Q(handled_at=None)
OUT_OF_TRIES = UNHANDLED & Q(tries__gte=MAX_TRIES)

_IN_STATUS: dict[CommandStatus, Q] = {
    CommandStatus.PENDING: WAITING | UNSETTLED,
    CommandStatus.FAILED: WITH_ERROR,
    CommandStatus.CANCELED: WITH_ERROR,
    CommandStatus.IN_TROUBLESHOOTING_QUEUE: WITH_ERROR,
}


class CommandQuerySet(models.QuerySet["Command"]):
    def parked(self) -> Self:
        """In the TSQ."""
        return self.filter(PARKED)

    def due(self) -> Self:
        """To be taken by a worker now: waiting and due, or its lease has ended."""
        return self.filter(WAITING | UNSETTLED, available_at__lte=BusNow())

    def waiting_for_code(self) -> Self:
        """No worker that saw them had a handler for their type."""
        return self.filter(WITHOUT_CODE)

    def not_waiting_for_code(self) -> Self:
        return self.exclude(WITHOUT_CODE)

    def in_status(self, status: str) -> Self:
        """Says what goes with the status as well, so that an index finds the few there are."""
        return self.filter(_IN_STATUS.get(CommandStatus(status), Q()), status=status)

    def with_error(self) -> Self:
        """An attempt has failed, whatever came later."""
        return self.filter(WITH_ERROR)


class CommandEventQuerySet(models.QuerySet["CommandEvent"]):
    def parkings(self) -> Self:
        """Each time that a command was put into the TSQ."""
        return self.filter(PARKING)

    def parked_since(self, moment: datetime) -> Self:
        return self.parkings().filter(at__gte=moment)


class ReplyQuerySet(models.QuerySet["Reply"]):
    def unhandled(self) -> Self:
        return self.filter(UNHANDLED)

    def final(self) -> Self:
        return self.filter(FINAL_REPLY)

    def stuck(self) -> Self:
        """Handling failed too often; an operator decides."""
        return self.filter(OUT_OF_TRIES, retry_at__lte=BusNow())

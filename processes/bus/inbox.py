"""The inbox of a service that sends commands with a ``reply_to`` of its own.

It reads its unread replies in order of id and acknowledges them one by one; until then each is
read again, so that a reply is delivered at least once.

Ids are drawn before their transactions commit: a reply with a smaller id may appear after one with
a greater id was read.  It is delivered all the same, for what counts is the acknowledgement and
not the place reached.
"""

from collections.abc import Collection

from django.db import transaction

from processes.bus.checks import checked_number
from processes.bus.clock import BusNow
from processes.bus.errors import NotFound
from processes.bus.models import Reply
from processes.bus.sending import own_address

MOST_READ = 100


def unread(
    reply_to: str, *, domains: Collection[str] | None = None, limit: int = MOST_READ
) -> list[Reply]:
    """The first unacknowledged replies to this address, of commands of these domains.

    Each comes with its command, but without the command's data.  Raises InvalidCommandData.
    """
    checked_number("limit", limit, MOST_READ)
    waiting = Reply.objects.inbox(own_address(reply_to)).select_related("command")
    if domains is not None:
        waiting = waiting.filter(command__domain__in=domains)
    waiting = waiting.defer("command__data", "command__edited_data")
    return list(waiting.order_by("id")[:limit])


def acknowledge(reply_to: str, reply_id: int) -> Reply:
    """The reply has been dealt with and is read no more; doing so again changes nothing.

    Raises NotFound if there is no such reply to this address, InvalidCommandData.
    """
    with transaction.atomic():
        mine = Reply.objects.select_for_update().filter(reply_to=own_address(reply_to))
        try:
            reply = mine.get(pk=reply_id)
        except (Reply.DoesNotExist, ValueError, TypeError):
            raise NotFound(f"There is no reply {reply_id} to {reply_to!r}.") from None
        if reply.handled_at is None:
            reply.handled_at = BusNow()
            reply.save(update_fields=["handled_at"])
            reply.refresh_from_db(fields=["handled_at"])
        return reply

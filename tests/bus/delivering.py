"""How the tests of the bus send, claim and deliver, and what they read of a command afterwards."""

from typing import Any

from processes.bus.claims import Claim, claim
from processes.bus.delivery import deliver
from processes.bus.models import Command, CommandEvent
from processes.bus.sending import send_command
from tests.factories import REPLY_TO
from tests.support.three_steps import DOMAIN

NOBODY = "nobody"


def send(command_type: str = "Test", data: dict[str, Any] | None = None, **options: Any) -> Command:
    """Send a command whose replies go to the test."""
    return send_command(command_type, data or {}, domain=DOMAIN, reply_to=REPLY_TO, **options)


def claim_due(*command_types: str, most: int = 100) -> list[Claim]:
    """Claim what is due of these types ("Test" if none is named), in order of sending."""
    lanes = [((DOMAIN, command_type), most) for command_type in command_types or ("Test",)]
    order = list(Command.objects.order_by("created_at").values_list("pk", flat=True))
    return sorted(claim(lanes, most), key=lambda held: order.index(held.command_id))


def deliver_claims(claims: list[Claim], why_not: str | None = None) -> None:
    """Run and settle claimed commands as a worker does; ``why_not`` has them all released."""
    deliver(claims, NOBODY, lambda: why_not)


def stored(command: Command) -> Command:
    return Command.objects.get(pk=command.pk)


def event_types(command: Command) -> list[str]:
    return [event.type for event in command.events.all()]


def last_event(command: Command) -> CommandEvent:
    return command.events.last()


def reply_outcomes(command: Command) -> list[str]:
    return [reply.outcome for reply in command.replies.order_by("id")]

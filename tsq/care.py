"""Who looks after an entry, and what they want the next one to know.

A claim tells the others; it locks nobody out, and goes when the entry is resolved.
"""

import uuid
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from processes.audit import Operator, record_action
from processes.bus.clock import BusNow
from processes.bus.errors import CommandBusError, MovedOn, NotFound
from processes.bus.fitness import fit_text
from processes.bus.locks import lock_command
from processes.bus.models import NAME_LENGTH, Command
from processes.bus.states import CommandStatus
from processes.states import Channel, OperatorVerb
from tsq.models import EntryClaim, EntryNote
from tsq.resolutions import not_parked
from tsq.selectors import entries_ever


class ClaimedByAnother(MovedOn):
    """Somebody else looks after the entry; who still wants it says ``take_over``."""

    code = "CLAIMED_BY_ANOTHER"


class NotClaimed(MovedOn):
    """There is no claim of this operator to release."""

    code = "NOT_CLAIMED"


class EmptyNote(CommandBusError):
    code = "EMPTY_NOTE"


@transaction.atomic
def claim(
    command_id: uuid.UUID | str,
    *,
    operator: str,
    take_over: bool = False,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> EntryClaim:
    """Note that the operator looks after the entry.

    Raises NotFound, NotParked, ClaimedByAnother.
    """
    by, name = _acting(operator, channel, request_id)
    command = lock_command(command_id)
    if command.status != CommandStatus.IN_TROUBLESHOOTING_QUEUE:
        raise not_parked(command, command.operator_actions.resolutions().last())
    held = EntryClaim.objects.filter(command=command).first()
    if held and held.operator == name:
        return held
    if held and not take_over:
        raise ClaimedByAnother(f"The entry is {_whose(held)}.", **_who(held))
    EntryClaim.objects.update_or_create(
        command=command, defaults={"operator": name, "claimed_at": BusNow()}
    )
    before = {"claimed_by": held.operator if held else None}
    record_action(OperatorVerb.CLAIM, by, "", before, {"claimed_by": name}, command=command)
    return EntryClaim.objects.get(command=command)


@transaction.atomic
def release(
    command_id: uuid.UUID | str,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> None:
    """Take the operator's claim back.  Raises NotFound, NotClaimed."""
    by, name = _acting(operator, channel, request_id)
    command = lock_command(command_id)
    held = EntryClaim.objects.filter(command=command).first()
    if held is None:
        raise NotClaimed("Nobody has claimed the entry.", state="UNCLAIMED")
    if held.operator != name:
        raise NotClaimed(f"The entry is {_whose(held)}, not by {name}.", **_who(held))
    held.delete()
    before, after = {"claimed_by": name}, {"claimed_by": None}
    record_action(OperatorVerb.RELEASE, by, "", before, after, command=command)


@transaction.atomic
def add_note(
    command_id: uuid.UUID | str,
    text: str,
    *,
    operator: str,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> EntryNote:
    """Keep a note with an entry, a resolved one too.  Raises NotFound, EmptyNote."""
    by, name = _acting(operator, channel, request_id)
    if not str(text or "").strip():
        raise EmptyNote("The note is empty.")
    command = _entry(command_id)
    note = EntryNote.objects.create(
        command=command, operator=name, channel=channel, text=fit_text(text)
    )
    record_action(OperatorVerb.NOTE, by, text, {}, {"note": note.pk}, command=command)
    return EntryNote.objects.get(pk=note.pk)


def _entry(command_id: uuid.UUID | str) -> Command:
    try:
        return entries_ever().get(pk=command_id)
    except (Command.DoesNotExist, ValueError, ValidationError):
        raise NotFound(f"There is no TSQ entry {command_id}.") from None


def _acting(operator: str, channel: str, request_id: str) -> tuple[Operator, str]:
    """The operator, and their name as it is kept; raises OperatorRequired."""
    by = Operator(operator, channel, request_id)
    return by, fit_text(by.name, NAME_LENGTH)


def _whose(claim: EntryClaim) -> str:
    return f"claimed by {claim.operator} since {claim.claimed_at:%Y-%m-%d %H:%M:%S %Z}"


def _who(claim: EntryClaim) -> dict[str, Any]:
    return {
        "state": "CLAIMED",
        "actor": claim.operator,
        "action": "claim",
        "at": claim.claimed_at,
    }

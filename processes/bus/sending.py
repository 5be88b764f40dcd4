"""Sending commands: one statement writes any number of them with their SENT events."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from processes.bus import conf, sql, statements
from processes.bus.checks import checked_name, checked_number
from processes.bus.errors import DuplicateCommand, InvalidCommandData
from processes.bus.fitness import UnfitJson, json_object_text
from processes.bus.handlers import find_handler
from processes.bus.models import Command
from processes.bus.querysets import ENGINE_ADDRESS
from processes.bus.wakeup import wake_workers

MAX_ATTEMPTS_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command about to be sent, checked and ready to be stored; ``data`` is JSON text.

    ``lease`` in seconds: the sender claims it while sending, to run it itself at once.
    """

    command_id: uuid.UUID
    domain: str
    command_type: str
    data: str
    correlation_id: uuid.UUID | None
    reply_to: str
    max_attempts: int
    lease: float | None = None


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """What a caller wants sent; the fields mean what ``send_command`` says of them."""

    command_type: str
    data: dict[str, Any]
    domain: str
    command_id: uuid.UUID | str | None = None
    correlation_id: uuid.UUID | str | None = None
    reply_to: str = ""
    max_attempts: int | None = None


def send_command(
    command_type: str,
    data: dict[str, Any],
    *,
    domain: str,
    command_id: uuid.UUID | str | None = None,
    correlation_id: uuid.UUID | str | None = None,
    reply_to: str = "",
    max_attempts: int | None = None,
) -> Command:
    """Send one command and return it.

    With a ``command_id`` sending is idempotent: the same id with the same content is the same
    command.  ``reply_to`` is the address whose owner reads the replies; empty: nobody does.

    Raises InvalidCommandData, DuplicateCommand.
    """
    request = CommandRequest(
        command_type, data, domain, command_id, correlation_id, reply_to, max_attempts
    )
    return send_commands([request])[0]


def send_commands(requests: Iterable[CommandRequest]) -> list[Command]:
    """Send many commands, all or none, in one transaction; returns them in the given order.

    Raises InvalidCommandData, DuplicateCommand.
    """
    return [command for command, _ in send_or_find_commands(requests)]


def send_or_find_commands(requests: Iterable[CommandRequest]) -> list[tuple[Command, bool]]:
    """Like ``send_commands``; tells of each whether it was sent just now."""
    new = [_checked(request) for request in requests]
    with transaction.atomic():
        written = write_commands(new)
        wake_workers()
    there = Command.objects.in_bulk([command.command_id for command in new])
    return [(there[command.command_id], command.command_id in written) for command in new]


def write_commands(new: Sequence[NewCommand]) -> set[uuid.UUID]:
    """Write commands inside the caller's transaction; returns the ids that were not there before.

    Raises DuplicateCommand.
    """
    if not new:
        return set()
    ordered = sorted(new, key=lambda command: command.command_id)
    arrays = sql.columns([_row(command) for command in ordered], 8)
    written = {command_id for (command_id,) in sql.run(statements.SEND, arrays)}
    if len(written) < len(new):
        _refuse_other_content(arrays)
    return written


def new_command(
    command_type: str,
    data: Any,
    *,
    domain: str,
    command_id: uuid.UUID,
    correlation_id: uuid.UUID | None,
    reply_to: str,
    max_attempts: int | None = None,
) -> NewCommand:
    """Check a command's content; raises InvalidCommandData naming the field and the remedy."""
    lane = checked_name("domain", domain), checked_name("command_type", command_type)
    handler = find_handler(*lane)
    if max_attempts is None:
        max_attempts = (handler and handler.max_attempts) or conf.max_attempts()
    checked_number("max_attempts", max_attempts, MAX_ATTEMPTS_LIMIT)
    try:
        text = json_object_text(data)
    except UnfitJson as error:
        raise InvalidCommandData(f"data of {command_type!r} cannot be stored: {error}.") from None
    return NewCommand(
        command_id,
        *lane,
        text,
        correlation_id,
        reply_to,
        max_attempts,
    )


def own_address(reply_to: Any) -> str:
    """``reply_to`` if a sender may have it for its own; raises InvalidCommandData."""
    address = checked_name("reply_to", reply_to)
    if address == ENGINE_ADDRESS:
        raise InvalidCommandData(f"reply_to {reply_to!r} is reserved; use an address of your own.")
    return address


def _checked(request: CommandRequest) -> NewCommand:
    return new_command(
        request.command_type,
        request.data,
        domain=request.domain,
        command_id=as_uuid("command_id", request.command_id) or uuid.uuid4(),
        correlation_id=as_uuid("correlation_id", request.correlation_id),
        reply_to=request.reply_to if request.reply_to == "" else own_address(request.reply_to),
        max_attempts=request.max_attempts,
    )


def as_uuid(field: str, value: uuid.UUID | str | None) -> uuid.UUID | None:
    """``value`` as a UUID; raises InvalidCommandData naming the field."""
    if value is None or isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise InvalidCommandData(f"{field} must be a UUID, not {value!r}.") from None


def _row(command: NewCommand) -> tuple[Any, ...]:
    return (
        command.command_id,
        command.domain,
        command.command_type,
        command.data,
        command.correlation_id,
        command.reply_to,
        command.max_attempts,
        command.lease,
    )


def _refuse_other_content(arrays: Sequence[list[Any]]) -> None:
    """Commands that were there already must be the same ones."""
    conflicting = sql.run(statements.CONFLICTING, arrays[:6])
    if conflicting:
        ids = ", ".join(str(command_id) for (command_id,) in conflicting[:3])
        raise DuplicateCommand(
            f"The command id is taken by a command with other content: {ids}. "
            "Use a new id, or send exactly what was sent first."
        )

"""Edit and retry: an operator mends the data of a parked command and has it delivered again.

The data first sent is kept; handlers get the edited copy.  Off unless the handler allows it.
"""

import uuid
from typing import Any

from processes.audit import Operator, require_reason
from processes.bus.errors import CommandBusError, InvalidCommandData
from processes.bus.fitness import UnfitJson, json_object_text
from processes.bus.handlers import find_handler
from processes.bus.models import Command
from processes.states import Channel, OperatorVerb
from tsq.resolutions import Resolution, resolve_one


class NotEditable(CommandBusError):
    """The handler of this command does not allow its data to be edited."""

    code = "NOT_EDITABLE"


def is_editable(command: Command) -> bool:
    handler = find_handler(command.domain, command.command_type)
    return handler is not None and handler.editable


def edit_and_retry(
    command_id: uuid.UUID | str,
    *,
    operator: str,
    data: dict[str, Any],
    reason: str,
    seen: int | None = None,
    channel: str = Channel.PYTHON,
    request_id: str = "",
) -> Command:
    """Have the command delivered again with ``data``, its attempts counted anew.

    Raises NotFound, NotParked, NotEditable, InvalidCommandData, ReasonRequired.
    """
    by = Operator(operator, channel, request_id)
    require_reason(reason, "editing the data of a command")
    try:
        json_object_text(data)
    except UnfitJson as error:
        raise InvalidCommandData(f"The data cannot be kept: {error}.") from None
    edit = Resolution(OperatorVerb.EDIT, by, reason, data=data, refusal=_refusal)
    return resolve_one(edit, command_id, seen)


def _refusal(command: Command) -> NotEditable | None:
    if is_editable(command):
        return None
    return NotEditable(
        f"The data of {command.command_type} commands of {command.domain} "
        "cannot be edited: their handler does not allow it."
    )

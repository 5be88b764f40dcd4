"""Edit and retry: an operator mends the data of a parked command and has it delivered again.

The data first sent is kept; handlers get the edited copy.  Off unless the handler allows it.
"""

import uuid
from typing import Any

from django.db import transaction

from processes.audit import Operator, require_reason
from processes.bus.errors import CommandBusError, InvalidCommandData
from processes.bus.fitness import UnfitJson, json_object_text
from processes.bus.handlers import find_handler
from processes.bus.models import Command
from processes.states import Channel, OperatorVerb
from tsq import operations


class NotEditable(CommandBusError):
    """The handler of this command does not allow its data to be edited."""

    code = "NOT_EDITABLE"


def is_editable(command: Command) -> bool:
    handler = find_handler(command.domain, command.command_type)
    return handler is not None and handler.editable


def data_to_run(command: Command) -> dict[str, Any]:
    """What its handler gets: the data last edited, else the data sent."""
    return command.data if command.edited_data is None else command.edited_data


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
    with transaction.atomic():
        command = operations.lock_parked(command_id, seen)
        if not is_editable(command):
            raise NotEditable(
                f"The data of {command.command_type} commands of {command.domain} "
                "cannot be edited: their handler does not allow it."
            )
        before = operations.told(command) | {"data": data_to_run(command)}
        command.edited_data = data
        command.requeue()
        return operations.write_resolution(
            command, OperatorVerb.EDIT, by, reason, before, changed={"data": data}
        )

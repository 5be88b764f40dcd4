"""Every lock on a command row taken outside the set-based statements, which lock their own.

Order: a transaction that has locked processes locks no command; operators lock commands, in
primary key order, and nothing else.
"""

import uuid
from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import connection

from processes.bus.errors import NotFound
from processes.bus.models import Command
from processes.bus.states import CommandStatus


def lock_command(command_id: uuid.UUID | str) -> Command:
    """The command, locked until the transaction ends; raises NotFound."""
    try:
        return Command.objects.select_for_update().get(pk=command_id)
    except (Command.DoesNotExist, ValueError, ValidationError):
        raise NotFound(f"There is no command {command_id}.") from None


def lock_commands(command_ids: Collection[uuid.UUID]) -> list[Command]:
    """Those of these commands that there are, in primary key order; their data are not read."""
    rows = Command.objects.select_for_update().filter(pk__in=command_ids)
    return list(rows.defer("data", "edited_data").order_by("pk"))


def claim_holds(command_id: uuid.UUID, deliveries: int) -> bool:
    """Lock the command if the claim with this fencing token still holds, and say so."""
    assert connection.in_atomic_block
    return (
        Command.objects.select_for_update()
        .filter(pk=command_id, status=CommandStatus.IN_PROGRESS, deliveries=deliveries)
        .exists()
    )

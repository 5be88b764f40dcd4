"""What the operator does with the demo's parked commands, by the console's own operations."""

from collections import defaultdict
from typing import Any

from processes.bus.models import Command
from processes.definitions.statement_report import rendering, storage
from processes.definitions.statement_report.demo.cast import Run
from processes.definitions.statement_report.models import EndedOutage
from tsq import operations

OPERATOR = "demo operator"
CANCEL_REASON = "The customer left without a new address: take the statement back."
COMPLETE_NOTE = "Rendered on another machine and put in place by hand."
RETRY_NOTE = "The disk and the mail server are back."


def parked_commands(run: Run) -> list[Command]:
    parked = Command.objects.parked().filter(correlation_id__in=run.roles)
    return list(parked.order_by("parked_at", "id"))


def cancel_lost_mailboxes(run: Run) -> int:
    lost = _given_up(run)["StatementNotify"]
    for command in lost:
        operations.cancel(
            command.id, operator=OPERATOR, reason=CANCEL_REASON, seen=command.deliveries
        )
    return len(lost)


def complete_one_by_hand(run: Run) -> dict[str, Any] | None:
    """Do the work of one RENDER outside and say so; returns the result data given."""
    for command in _given_up(run)["StatementRender"]:
        result = {"file": _render_by_hand(command)}
        operations.complete(
            command.id,
            operator=OPERATOR,
            result_data=result,
            note=COMPLETE_NOTE,
            seen=command.deliveries,
        )
        return result
    return None


def retry_the_rest(run: Run) -> int:
    """Now that the cause is gone."""
    EndedOutage.objects.create(name=run.outage)
    rest = parked_commands(run)
    for command in rest:
        operations.retry(command.id, operator=OPERATOR, note=RETRY_NOTE, seen=command.deliveries)
    return len(rest)


def _given_up(run: Run) -> defaultdict[str, list[Command]]:
    """What no retry will cure, by type."""
    found = defaultdict(list)
    for command in parked_commands(run):
        if command.last_error_code == "CHAOS_PERMANENT":
            found[command.command_type].append(command)
    return found


def _render_by_hand(command: Command) -> str:
    assert command.correlation_id
    name = rendering.file_name(command.data, command.correlation_id)
    storage.write_statement(name, rendering.render_statement(command.data))
    return name

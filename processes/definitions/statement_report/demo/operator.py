"""What the operator does with the demo's parked commands, by the console's own operations."""

from collections import Counter

from processes.bus.models import Command
from processes.definitions.statement_report import rendering, storage
from processes.definitions.statement_report.demo.cast import Run
from processes.definitions.statement_report.models import EndedOutage
from tsq import operations

OPERATOR = "demo operator"


def parked_commands(run: Run) -> list[Command]:
    parked = Command.objects.parked().filter(correlation_id__in=run.roles)
    return list(parked.order_by("parked_at", "id"))


def resolve_everything(run: Run) -> Counter[str]:
    """Complete one entry, cancel some, retry the rest; how many of each."""
    EndedOutage.objects.create(name=run.outage)  # the disk and the mail server are back
    done: Counter[str] = Counter()
    for command in parked_commands(run):
        done[_resolve(command, may_complete=not done["complete"])] += 1
    return done


def _resolve(command: Command, *, may_complete: bool) -> str:
    given_up = command.last_error_code == "CHAOS_PERMANENT"
    if given_up and command.command_type == "StatementNotify":
        operations.cancel(
            command.id,
            operator=OPERATOR,
            reason="The customer left without a new address: take the statement back.",
            seen=command.deliveries,
        )
        return "cancel"
    if given_up and may_complete:
        operations.complete(
            command.id,
            operator=OPERATOR,
            result_data={"file": _render_by_hand(command)},
            note="Rendered on another machine and put in place by hand.",
            seen=command.deliveries,
        )
        return "complete"
    operations.retry(
        command.id, operator=OPERATOR, note="The cause is gone.", seen=command.deliveries
    )
    return "retry"


def _render_by_hand(command: Command) -> str:
    assert command.correlation_id
    name = rendering.file_name(command.data, command.correlation_id)
    storage.write_statement(name, rendering.render_statement(command.data))
    return name

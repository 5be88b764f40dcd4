"""The tables of the demo."""

from collections import defaultdict

from django.db.models import Count
from rich.console import Console
from rich.table import Table

from processes.definitions.statement_report.demo.cast import Run
from processes.definitions.statement_report.demo.operator import parked_commands
from processes.models import Process, ProcessStep
from processes.states import ProcessStatus

NAMED = 4  # accounts named in one line of the TSQ


def show_statuses(run: Run, console: Console, *, title: str) -> None:
    table = Table(title=title, title_justify="left")
    for heading in ("Status", "At step", "Error"):
        table.add_column(heading)
    table.add_column("Processes", justify="right")
    groups = Process.objects.filter(id__in=run.roles).values_list(
        "status", "current_step", "error_code"
    )
    counted = groups.annotate(count=Count("id")).order_by("status", "-count")
    for status, step, error, count in counted:
        table.add_row(status, step, error, f"{count:,}")
    console.print(table)


def show_tsq(run: Run, console: Console) -> None:
    """What is parked, alike errors together."""
    groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for command in parked_commands(run):
        groups[command.command_type, command.last_error_code, command.last_error_message].append(
            command.data["account_id"]
        )
    table = Table(title="Troubleshooting queue", title_justify="left")
    for heading in ("Command", "Error", "Accounts"):
        table.add_column(heading)
    table.add_column("Entries", justify="right")
    for (command_type, code, message), accounts in sorted(groups.items()):
        named = ", ".join(map(str, sorted(accounts)[:NAMED]))
        if len(accounts) > NAMED:
            named += ", ..."
        table.add_row(command_type, f"{code}\n{message}", named, f"{len(accounts):,}")
    console.print(table)


def show_audit_trail_of_one_compensated(run: Run, console: Console) -> None:
    process = (
        Process.objects.filter(id__in=run.roles, status=ProcessStatus.COMPENSATED)
        .order_by("data__account_id")
        .first()
    )
    if process is None:
        return
    account = process.data["account_id"]
    table = Table(title=f"Audit trail of {process} (account {account})", title_justify="left")
    for heading in ("#", "Step", "Direction", "Outcome", "What happened"):
        table.add_column(heading)
    for step in process.steps.select_related("compensates").order_by("sequence"):
        table.add_row(
            str(step.sequence), step.step, step.direction, step.outcome, _what_happened(step)
        )
    console.print(table)


def _what_happened(step: ProcessStep) -> str:
    if step.compensates:
        return f"undoes {step.compensates.step} ({step.compensates.sequence})"
    if step.error_code:
        return f"{step.error_code}; then cancelled by the operator"
    return ""

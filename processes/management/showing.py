"""What ``processes list`` and ``show`` tell."""

from typing import Any

from django.core.management.base import BaseCommand

from processes.bus.errors import NotFound
from processes.filters import ProcessFilter, chosen
from processes.management.base import Options
from processes.management.output import write_facts, write_rows
from processes.management.selection import words_of
from processes.models import OperatorAction, Process
from processes.selectors import TrailRow, actions_about, trail_of

LISTED = (
    *("id", "created_at", "domain", "process_type", "status", "current_step"),
    *("error_code", "error_message", "completed_at"),
)


def list_processes(command: BaseCommand, options: Options) -> None:
    rows = chosen(ProcessFilter, words_of(options), Process.objects.all())
    listed = rows.order_by("created_at", "id").values_list(*LISTED)[: options["limit"] or None]
    write_rows(command.stdout, options["format"], LISTED, listed.iterator())


def show_process(command: BaseCommand, options: Options) -> None:
    process = Process.objects.filter(pk=options["id"]).first()
    if process is None:
        raise NotFound(f"There is no process {options['id']}.")
    trail = trail_of(process)
    facts = {name: getattr(process, name) for name in LISTED} | {
        "data": process.data,
        "state": process.state,
        "steps": [_step_facts(row) for row in trail],
        "actions": [action_facts(action) for action in actions_about(process, trail)],
    }
    write_facts(command.stdout, options["format"], facts)


def _step_facts(row: TrailRow) -> dict[str, Any]:
    step = row.step
    return {
        "sequence": step.sequence,
        "step": step.step,
        "direction": step.direction,
        "standing": row.standing,
        "command": step.command_id,
        "sent_at": step.sent_at,
        "received_at": step.received_at,
        "error_code": step.error_code,
        "error_message": step.error_message,
    }


def action_facts(action: OperatorAction) -> dict[str, Any]:
    return {
        "at": action.at,
        "action": action.action,
        "by": action.operator,
        "channel": action.channel,
        "reason": action.reason,
    }

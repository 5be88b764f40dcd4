"""What ``tsq list``, ``groups``, ``show`` and ``operations`` tell."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet

from processes.bus.errors import NotFound
from processes.bus.models import Command
from processes.management.base import Options
from processes.management.output import write_facts, write_rows
from processes.management.selection import words_of
from processes.management.showing import action_facts
from processes.selectors import event_log
from tsq import selectors
from tsq.filters import matching_entries
from tsq.groups import error_groups
from tsq.models import BulkOperation
from tsq.resolutions import data_to_run

LISTED = (
    *("id", "parked_at", "domain", "type", "error_code", "error_message", "attempts"),
    *("process", "process_status", "claimed_by"),
)
GROUPED = (
    *("fingerprint", "domain", "type", "error_code", "count", "new"),
    *("first_seen", "last_seen", "sample"),
)
OPERATIONS = (
    *("id", "created_at", "verb", "status", "size", "rate", "operator", "channel"),
    "finished_at",
)
LATEST = 50


def list_entries(command: BaseCommand, options: Options, me: str) -> None:
    rows = matching_entries(words_of(options), selectors.listed_entries(), me)
    rows = rows.annotate(**selectors.of_process("pk")).order_by("parked_at", "id")
    write_rows(command.stdout, options["format"], LISTED, _listed(rows[: options["limit"] or None]))


def _listed(rows: QuerySet[Any]) -> Iterator[tuple[Any, ...]]:
    for entry in rows.iterator():
        claim = getattr(entry, "entry_claim", None)
        yield (
            *(entry.pk, entry.parked_at, entry.domain, entry.command_type),
            *(entry.last_error_code, entry.last_error_message, entry.attempts),
            *(entry.process_id, entry.process_status, claim and claim.operator),
        )


def list_groups(command: BaseCommand, options: Options, me: str) -> None:
    groups, some_left_out = error_groups(matching_entries(words_of(options), me=me))
    rows = [
        (
            *(group.fingerprint, group.domain, group.command_type, group.error_code),
            *(group.count, group.new, group.first_seen, group.last_seen, group.sample),
        )
        for group in groups
    ]
    write_rows(command.stdout, options["format"], GROUPED, rows)
    if some_left_out:
        command.stderr.write(f"Only the {len(groups)} groups seen last; narrow it by a filter.")


def show_entry(command: BaseCommand, options: Options) -> None:
    entry = selectors.entries_ever().filter(pk=options["id"]).first()
    if entry is None:
        raise NotFound(f"There is no TSQ entry {options['id']}.")
    write_facts(command.stdout, options["format"], _facts(entry))


def _facts(entry: Command) -> dict[str, Any]:
    claim, step = getattr(entry, "entry_claim", None), selectors.steps_of([entry.pk]).get(entry.pk)
    return {
        "id": entry.pk,
        "type": entry.command_type,
        "domain": entry.domain,
        "status": entry.status,
        "parked_at": entry.parked_at,
        "attempts": entry.attempts,
        "deliveries": entry.deliveries,
        "error_code": entry.last_error_code,
        "error_message": entry.last_error_message,
        "fingerprint": entry.fingerprint,
        "correlation_id": entry.correlation_id,
        "process": step and f"{step.process} ({step.process.status}), step {step.step}",
        "claimed_by": claim and claim.operator,
        "data": data_to_run(entry),
        "events": [
            {"at": event.at, "type": event.type, "delivery": event.delivery, "by": event.actor}
            | {"details": {k: v for k, v in (event.details or {}).items() if k != "traceback"}}
            for event in event_log(entry)
        ],
        "actions": [action_facts(action) for action in entry.operator_actions.all()],
        "notes": [
            {"at": note.at, "by": note.operator, "text": note.text}
            for note in selectors.notes_of(entry)
        ],
        "traceback": _traceback(entry),
    }


def _traceback(entry: Command) -> str:
    """That of the latest attempt that left one."""
    details = [event.details or {} for event in event_log(entry)]
    return next((str(d["traceback"]) for d in reversed(details) if d.get("traceback")), "")


def list_operations(command: BaseCommand, options: Options) -> None:
    latest = BulkOperation.objects.order_by("-created_at").values_list(*OPERATIONS)
    write_rows(command.stdout, options["format"], OPERATIONS, latest[: options["limit"] or LATEST])

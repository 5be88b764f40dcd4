"""Retry, complete and cancel of a selection: a stored bulk operation, shown, confirmed and run.

It runs in the workers, and this process takes its turns like one of them; so it is done even if
no worker lives, and goes on in the workers when this process is killed.
"""

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet

from processes.audit import Operator
from processes.bus.errors import NotFound
from processes.bus.models import Command
from processes.management.asking import NOTHING_DONE, Interrupt, agreed, interruptible
from processes.management.base import Options, operator_of, some_failed, wrong
from processes.management.each import SAMPLE, Preview, tell_outcome
from processes.management.output import write_rows
from processes.management.progress import progress
from processes.management.selection import Selection, named_rows, narrowed, selection_of
from processes.states import OperatorVerb
from tsq import bulk
from tsq.bulk.choosing import needs_typed_count
from tsq.bulk.selectors import groups_of, items_of, progress_of, sample_of
from tsq.filters import matching_entries
from tsq.models import BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

LOOK_AGAIN_SECONDS = 0.2
LONG_SECONDS = 10.0

GROUP = ("domain", "type", "error_code", "count")
ENTRY = ("id", "parked_at", "type", "error_code", "error_message")
ITEM = ("id", "outcome", "message")


def entries_of(selection: Selection, me: str) -> QuerySet[Any]:
    """Given ids are taken also if they are parked no longer: their outcome tells who was first."""
    if selection.ids:
        rows: QuerySet[Any] = named_rows(Command.objects.all(), selection)
    else:
        rows = matching_entries(selection.words, TsqEntry.objects.all(), me)
    return narrowed(rows.order_by("parked_at", "id"), selection)


def resolve_selection(
    command: BaseCommand, options: Options, verb: OperatorVerb, arguments: dict[str, Any]
) -> None:
    selection, by = selection_of(options), operator_of(options)
    draft = bulk.choose(verb, entries_of(selection, by.name), by, selection.told)
    is_agreed = False
    try:
        is_agreed = _is_agreed(command, options, draft)
    finally:
        if not is_agreed:
            bulk.discard(draft.pk)
    if not is_agreed:
        raise some_failed(NOTHING_DONE if draft.size else "Nothing matches; nothing was changed.")
    confirmed = {"arguments": arguments, "rate": options["rate"], "typed_count": draft.size}
    bulk.confirm(draft.pk, operator=by.name, channel=by.channel, **confirmed)
    command.stderr.write(f"Should this end early, go on with: manage.py tsq resume {draft.pk}")
    run_to_the_end(command, options, draft.pk, by)


def _is_agreed(command: BaseCommand, options: Options, draft: BulkOperation) -> bool:
    groups = [tuple(group.values()) for group in groups_of(draft)]
    sample = [
        (entry.pk, entry.parked_at, entry.command_type, entry.last_error_code, message)
        for entry in sample_of(draft, SAMPLE)
        for message in [entry.last_error_message]
    ]
    what = f"TSQ entries to {draft.verb}"
    preview = Preview(draft.size, what, GROUP, groups, ENTRY, sample)
    preview.write(command)
    answer = str(draft.size) if needs_typed_count(draft) else "yes"
    return bool(draft.size) and agreed(options, f"{preview.title}.", answer)


def resume(command: BaseCommand, options: Options) -> None:
    """Go on with an operation that was interrupted, whether it is held or was left running."""
    operation = BulkOperation.objects.filter(pk=options["id"]).first()
    if operation is None:
        raise NotFound(f"There is no bulk operation {options['id']}.")
    if operation.status == BulkStatus.DRAFT:
        raise wrong("Nobody has confirmed this operation; there is nothing to resume.")
    by = operator_of(options)
    if operation.status == BulkStatus.PAUSED:
        bulk.resume(operation.pk, operator=by.name, channel=by.channel)
    run_to_the_end(command, options, operation.pk, by)


def run_to_the_end(
    command: BaseCommand, options: Options, operation_id: uuid.UUID, by: Operator
) -> None:
    """Take turns until none is left; Ctrl-C pauses after the chunk at hand.  Tells each outcome."""
    with interruptible() as interrupt:
        operation = _run(command, operation_id, interrupt)
        if interrupt.asked and operation.status == BulkStatus.RUNNING:
            operation = bulk.pause(operation_id, operator=by.name, channel=by.channel)
    write_rows(command.stdout, options["format"], ITEM, _outcomes(operation))
    if operation.status == BulkStatus.STOPPED:
        command.stderr.write("Somebody stopped it; what is open stays untouched.")
    if operation.status == BulkStatus.PAUSED:
        command.stderr.write(f"Paused. To go on: manage.py tsq resume {operation_id}")
    done = progress_of(operation)
    counted = Counter({"DONE": done.done, "SKIPPED": done.skipped, "FAILED": done.failed})
    tell_outcome(command, counted, done.total)


def _run(command: BaseCommand, operation_id: uuid.UUID, interrupt: Interrupt) -> BulkOperation:
    operation = BulkOperation.objects.get(pk=operation_id)
    told_to_wait = False
    with progress(command.stderr, operation.verb, operation.size) as tell:
        while operation.status == BulkStatus.RUNNING and not interrupt.asked:
            turn = operation.available_at
            due_in = bulk.seconds_until(operation_id, turn)
            if due_in == 0:
                bulk.run_chunk(operation_id, turn)
                tell(progress_of(operation).handled)
            elif due_in is not None:
                if due_in > LONG_SECONDS and not told_to_wait:
                    told_to_wait = True
                    command.stderr.write(f"Another worker has its turn for up to {due_in:.0f} s.")
                interrupt.wait(min(due_in, LOOK_AGAIN_SECONDS))
            operation = BulkOperation.objects.get(pk=operation_id)
    return operation


def _outcomes(operation: BulkOperation) -> Iterator[tuple[Any, str, str]]:
    rows = items_of(operation, "").order_by("id").values_list("command_id", "outcome", "message")
    for command_id, outcome, message in rows.iterator():
        yield command_id, outcome or "OPEN", message

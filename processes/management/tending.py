"""``processes compensate``, ``check``, ``repair`` and ``prune``."""

from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from django.db.models import Count, QuerySet

from processes import pruning
from processes.audit import require_reason
from processes.engine import compensate
from processes.filters import AgeField, ProcessFilter, chosen
from processes.invariants import held_up, oldest_due_seconds, violations, waiting_for_code
from processes.management.asking import NOTHING_DONE, agreed, interruptible
from processes.management.base import Options, operator_of, some_failed, wrong
from processes.management.each import MOST_GROUPS, SAMPLE, Preview, do_each
from processes.management.output import write_rows
from processes.management.selection import Selection, named_rows, narrowed, selection_of
from processes.models import Process
from processes.repair import findings, mend
from processes.states import ProcessStatus

FOUND = ("subject", "problem", "remedy", "outcome")


def compensate_selection(command: BaseCommand, options: Options) -> None:
    by = operator_of(options)
    require_reason(options["reason"], "compensating a process; say --reason")
    rows = _failed(selection_of(options))
    ids = list(rows.values_list("pk", flat=True))
    act = partial(compensate, operator=by.name, channel=by.channel, reason=options["reason"])
    do_each(command, options, _preview(ids), ids, act)


def _failed(selection: Selection) -> QuerySet[Any]:
    """Given ids are taken whatever their status: the outcome of one that cannot be tells why."""
    if selection.ids:
        rows = named_rows(Process.objects.all(), selection)
    else:
        failed = Process.objects.filter(status=ProcessStatus.FAILED)
        rows = chosen(ProcessFilter, selection.words, failed)
    return narrowed(rows.order_by("created_at", "id"), selection)


def _preview(ids: list[Any]) -> Preview:
    rows = Process.objects.filter(pk__in=ids)
    alike = ("domain", "process_type", "error_code")
    groups = rows.order_by().values_list(*alike).annotate(n=Count("pk")).order_by("-n", *alike)
    named = ("id", "created_at", "process_type", "error_code", "error_message")
    sample = rows.order_by("created_at", "id").values_list(*named)
    shown = ((*alike, "count"), list(groups[:MOST_GROUPS]), named, list(sample[:SAMPLE]))
    return Preview(len(ids), "processes to compensate", *shown)


def check(command: BaseCommand, _options: Options) -> None:
    found = violations()
    for violation in found:
        command.stdout.write(f"{violation.invariant}: {violation.subject}: {violation.problem}")
    for held in held_up():
        command.stdout.write(
            f"held up: process {held.process_id}, reply {held.reply_id}: {held.why}"
        )
    for (domain, command_type), count in waiting_for_code():
        command.stdout.write(f"waiting for code: {count} {domain}/{command_type} command(s)")
    command.stdout.write(f"oldest item due here: {oldest_due_seconds():.1f} s")
    if found:
        raise some_failed(f"{len(found)} violation(s)")
    command.stdout.write("all invariants hold")


def repair(command: BaseCommand, options: Options) -> None:
    found = list(findings())
    if not found:
        command.stderr.write("Nothing needs to be repaired.")
        return
    mendable = sum(finding.fix is not None for finding in found)
    told = f"{mendable} of {len(found)} findings can be repaired"
    does_it = mendable > 0 and agreed(options, f"{told}.")
    outcomes = [mend(finding) if does_it else "" for finding in found]
    rows = [
        (finding.subject, finding.problem, finding.remedy, outcome)
        for finding, outcome in zip(found, outcomes, strict=True)
    ]
    write_rows(command.stdout, options["format"], FOUND, rows)
    if not mendable:
        raise some_failed("Nothing of this can be repaired without a person.")
    if not does_it:
        raise some_failed(f"{told}; the rest needs a person. {NOTHING_DONE}")
    if any(outcome not in ("done", "no longer needed") for outcome in outcomes):
        raise some_failed(f"{outcomes.count('done')} repaired; the rest needs a person.")
    command.stderr.write(f"{outcomes.count('done')} repaired.")


def prune(command: BaseCommand, options: Options) -> None:
    try:
        keep = AgeField().clean(options["older_than"])
    except ValidationError as error:
        raise wrong(f"--older-than: {' '.join(error.messages)}") from None
    what = pruning.retention(keep, options["status"] or pruning.STATUSES)
    numbers = pruning.would_prune(what)
    told = ", ".join(f"{number} {name}" for name, number in numbers.items())
    if not agreed(options, f"To be removed: {told}."):
        _write_numbers(command, options, numbers)
        command.stderr.write(f"Ended before {what.before:%Y-%m-%d %H:%M:%S %Z}. {NOTHING_DONE}")
        return
    with interruptible() as interrupt:
        for removed in pruning.prune(what):
            numbers = removed
            if interrupt.asked:
                break
    _write_numbers(command, options, numbers)
    if interrupt.asked:
        raise some_failed("Interrupted; what is told was removed. Run it again to go on.")


def _write_numbers(command: BaseCommand, options: Options, numbers: dict[str, int]) -> None:
    write_rows(command.stdout, options["format"], ("what", "number"), list(numbers.items()))

"""Claiming and noting a selection of entries, one by one."""

from functools import partial
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count

from processes.management.base import Options, operator_of
from processes.management.each import MOST_GROUPS, SAMPLE, Preview, do_each
from processes.management.selection import selection_of
from tsq import care
from tsq.management.bulk import ENTRY, GROUP, entries_of


def claim(command: BaseCommand, options: Options) -> None:
    by = operator_of(options)
    who = {"operator": by.name, "channel": by.channel}
    if options["release"]:
        _each(command, options, "release", partial(care.release, **who))
    else:
        _each(command, options, "claim", partial(care.claim, take_over=options["take_over"], **who))


def note(command: BaseCommand, options: Options) -> None:
    by = operator_of(options)
    told = {"text": options["text"], "operator": by.name, "channel": by.channel}
    _each(command, options, "note something with", partial(care.add_note, **told))


def _each(command: BaseCommand, options: Options, verb: str, act: Any) -> None:
    rows = entries_of(selection_of(options), operator_of(options).name)
    chosen = list(rows.values_list("pk", flat=True))
    there = rows.model.objects.filter(pk__in=rows.values("pk"))
    alike = ("domain", "command_type", "last_error_code")
    groups = there.order_by().values_list(*alike).annotate(n=Count("pk")).order_by("-n")
    sample = there.order_by("parked_at", "id").values_list(
        "pk", "parked_at", "command_type", "last_error_code", "last_error_message"
    )
    what = f"TSQ entries to {verb}"
    shown = (GROUP, list(groups[:MOST_GROUPS]), ENTRY, list(sample[:SAMPLE]))
    do_each(command, options, Preview(len(chosen), what, *shown), chosen, act)

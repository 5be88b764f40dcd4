"""``manage.py replies``: stuck replies, each of which holds up its process."""

from argparse import ArgumentParser
from typing import Any

from django.db.models import Count, QuerySet

from processes.audit import require_reason
from processes.bus.models import Reply
from processes.filters import chosen
from processes.management.asking import add_yes
from processes.management.base import (
    ConsoleCommand,
    Options,
    Subcommand,
    add_operator,
    operator_of,
)
from processes.management.each import MOST_GROUPS, SAMPLE, Preview, do_each
from processes.management.output import add_format, write_rows
from processes.management.selection import (
    Selection,
    add_limit,
    add_rate,
    add_selection,
    add_words,
    named_rows,
    narrowed,
    selection_of,
    words_of,
)
from tsq import operations
from tsq.filters import StuckReplyFilter
from tsq.models import StuckReply
from tsq.selectors import listed_stuck_replies

LISTED = (
    *("id", "created_at", "command__domain", "command__command_type", "outcome", "tries"),
    *("last_error", "process_id", "process_status"),
)
HEADER = tuple(name.removeprefix("command__").replace("command_type", "type") for name in LISTED)


class Command(ConsoleCommand):
    help = "Look at stuck replies, have them handled again, or give them up."

    def subcommands(self) -> list[Subcommand]:
        return [
            Subcommand("list", "List the stuck replies.", add_listing, self.list_replies),
            Subcommand("handle", "Have them handled again.", add_changing, self.handle_again),
            Subcommand(
                "give-up", "Give them up; their processes fail.", add_changing, self.give_up
            ),
        ]

    def list_replies(self, options: Options) -> None:
        rows = chosen(StuckReplyFilter, words_of(options), listed_stuck_replies())
        listed = rows.order_by("id").values_list(*LISTED)[: options["limit"] or None]
        write_rows(self.stdout, options["format"], HEADER, listed.iterator())

    def handle_again(self, options: Options) -> None:
        told = {"note": options["reason"]}
        self._each(options, "handle again", operations.handle_again, told)

    def give_up(self, options: Options) -> None:
        require_reason(options["reason"], "giving up replies; say --reason")
        self._each(options, "give up", operations.give_up, {"reason": options["reason"]})

    def _each(self, options: Options, verb: str, operation: Any, told: dict[str, str]) -> None:
        by = operator_of(options)
        rows = _stuck(selection_of(options, _reply_id))
        versions = {reply.pk: reply.version for reply in rows}

        def act(reply_id: int) -> None:
            seen = versions[reply_id]
            operation(reply_id, seen=seen, operator=by.name, channel=by.channel, **told)

        do_each(self, options, _preview(list(versions), verb), list(versions), act)


def _reply_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) >= 2**63:
        raise ValueError(text)
    return int(text)


def _stuck(selection: Selection) -> QuerySet[Any]:
    """Given ids are taken also if they are stuck no longer: their outcome tells who was first."""
    rows: QuerySet[Any]
    if selection.ids:
        rows = named_rows(Reply.objects.all(), selection, "bigint")
    else:
        rows = chosen(StuckReplyFilter, selection.words, StuckReply.objects.all())
    return narrowed(rows.defer("data").order_by("id"), selection, "bigint")


def _preview(ids: list[int], verb: str) -> Preview:
    rows = Reply.objects.filter(pk__in=ids)
    alike = ("command__domain", "command__command_type", "outcome")
    groups = rows.order_by().values_list(*alike).annotate(n=Count("pk")).order_by("-n", *alike)
    named = ("id", "created_at", "outcome", "last_error")
    sample = rows.order_by("id").values_list(*named)
    header = ("domain", "type", "outcome", "count")
    shown = (header, list(groups[:MOST_GROUPS]), named, list(sample[:SAMPLE]))
    return Preview(len(ids), f"replies to {verb}", *shown)


def add_listing(parser: ArgumentParser) -> None:
    add_words(parser, StuckReplyFilter)
    add_limit(parser)
    add_format(parser)


def add_changing(parser: ArgumentParser) -> None:
    add_selection(parser, StuckReplyFilter, "stuck replies")
    add_rate(parser)
    parser.add_argument("--reason", default="", help="kept in the audit; needed to give up")
    add_yes(parser)
    add_operator(parser)
    add_format(parser)

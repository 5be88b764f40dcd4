"""``manage.py tsq``: look at what waits for a person, and resolve it, one or a hundred thousand."""

import json
import uuid
from argparse import ArgumentParser
from functools import partial
from typing import Any

from processes.audit import require_reason
from processes.bus.errors import InvalidResult
from processes.management.asking import add_yes
from processes.management.base import (
    ConsoleCommand,
    Options,
    Subcommand,
    add_operator,
    operator_of,
)
from processes.management.output import JSON, TABLE, add_format
from processes.management.selection import add_limit, add_rate, add_selection, add_words
from processes.states import OperatorVerb
from tsq import operations
from tsq.filters import EntryFilter
from tsq.management import bulk, caring, showing


class Command(ConsoleCommand):
    help = "Look at the troubleshooting queue and resolve what is in it."

    def subcommands(self) -> list[Subcommand]:
        def of(run: Any) -> Any:
            return partial(run, self)

        return [
            Subcommand("list", "List the open entries.", add_listing, self.list_entries),
            Subcommand("groups", "Group them by alike errors.", add_listing, self.list_groups),
            Subcommand("show", "All about one entry.", add_showing, of(showing.show_entry)),
            Subcommand("retry", "Have entries delivered again.", add_retry, self.retry),
            Subcommand("complete", "Count entries as done.", add_complete, self.complete),
            Subcommand("cancel", "Give entries up.", add_cancel, self.cancel),
            Subcommand("claim", "Say that you look after entries.", add_claim, of(caring.claim)),
            Subcommand("note", "Leave a note with entries.", add_note, of(caring.note)),
            Subcommand(
                "operations", "The latest bulk operations.", add_latest, of(showing.list_operations)
            ),
            Subcommand("resume", "Go on with a bulk operation.", add_resume, of(bulk.resume)),
        ]

    def list_entries(self, options: Options) -> None:
        showing.list_entries(self, options, operator_of(options).name)

    def list_groups(self, options: Options) -> None:
        showing.list_groups(self, options, operator_of(options).name)

    def retry(self, options: Options) -> None:
        bulk.resolve_selection(self, options, OperatorVerb.RETRY, {"note": options["reason"]})

    def complete(self, options: Options) -> None:
        result = _result(options["result"])
        operations.completing(operator_of(options), result_data=result)
        arguments = {"note": options["reason"], "result_data": result}
        bulk.resolve_selection(self, options, OperatorVerb.COMPLETE, arguments)

    def cancel(self, options: Options) -> None:
        require_reason(options["reason"], "canceling entries; say --reason")
        arguments = {"reason": options["reason"]}
        bulk.resolve_selection(self, options, OperatorVerb.CANCEL, arguments)


def add_listing(parser: ArgumentParser) -> None:
    add_words(parser, EntryFilter)
    add_limit(parser)
    add_operator(parser)
    add_format(parser)


def add_showing(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=uuid.UUID, metavar="ID")
    add_format(parser, TABLE, JSON)


def add_changing(parser: ArgumentParser) -> None:
    add_selection(parser, EntryFilter, "TSQ entries")
    add_yes(parser)
    add_operator(parser)
    add_format(parser)


def add_retry(parser: ArgumentParser) -> None:
    add_changing(parser)
    add_rate(parser)
    parser.add_argument("--reason", default="", help="kept in the audit")


def add_complete(parser: ArgumentParser) -> None:
    add_retry(parser)
    parser.add_argument("--result", metavar="JSON", help="what the handler would have returned")


def add_cancel(parser: ArgumentParser) -> None:
    add_retry(parser)


def add_claim(parser: ArgumentParser) -> None:
    add_changing(parser)
    parser.add_argument("--release", action="store_true", help="take your claims back instead")
    parser.add_argument("--take-over", action="store_true", help="also from whoever has claimed")


def add_note(parser: ArgumentParser) -> None:
    add_changing(parser)
    parser.add_argument("--text", required=True, help="what the next one should know")


def add_latest(parser: ArgumentParser) -> None:
    add_limit(parser)
    add_format(parser)


def add_resume(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=uuid.UUID, metavar="OPERATION_ID")
    add_operator(parser)
    add_format(parser)


def _result(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidResult(f"--result is not JSON: {error}.") from None

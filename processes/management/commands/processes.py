"""``manage.py processes``: look at processes, start, compensate, check, repair and prune them."""

import uuid
from argparse import ArgumentParser
from functools import partial
from typing import Any

from processes import pruning
from processes.filters import ProcessFilter
from processes.management import showing, starting, tending
from processes.management.asking import add_yes
from processes.management.base import ConsoleCommand, Subcommand, add_operator
from processes.management.output import JSON, TABLE, add_format
from processes.management.selection import add_limit, add_rate, add_selection, add_words


class Command(ConsoleCommand):
    help = "Look after processes."

    def subcommands(self) -> list[Subcommand]:
        def of(run: Any) -> Any:
            return partial(run, self)

        compensate, repair = of(tending.compensate_selection), of(tending.repair)
        return [
            Subcommand("list", "List processes.", add_listing, of(showing.list_processes)),
            Subcommand("show", "All about one process.", add_showing, of(showing.show_process)),
            Subcommand("start", "Start processes, many at once.", add_start, of(starting.start)),
            Subcommand("compensate", "Undo failed processes.", add_compensate, compensate),
            Subcommand(
                "check",
                "Check the invariants; exit code 1 if one is broken.",
                add_nothing,
                of(tending.check),
            ),
            Subcommand("repair", "Mend what check finds, if no person is needed.", add_do, repair),
            Subcommand("prune", "Remove what ended long ago.", add_prune, of(tending.prune)),
        ]


def add_listing(parser: ArgumentParser) -> None:
    add_words(parser, ProcessFilter)
    add_limit(parser)
    add_format(parser)


def add_showing(parser: ArgumentParser) -> None:
    parser.add_argument("id", type=uuid.UUID, metavar="ID")
    add_format(parser, TABLE, JSON)


def add_nothing(_parser: ArgumentParser) -> None:
    pass


def add_do(parser: ArgumentParser) -> None:
    add_yes(parser)
    add_format(parser)


def add_start(parser: ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="of the processes")
    parser.add_argument(
        "file",
        nargs="?",
        default="-",
        metavar="FILE",
        help="JSON or CSV with their data; - for stdin. Given a process_id, one is started once.",
    )
    add_do(parser)


def add_compensate(parser: ArgumentParser) -> None:
    add_selection(parser, ProcessFilter, "failed processes")
    add_rate(parser)
    parser.add_argument("--reason", default="", help="kept in the audit; needed")
    add_operator(parser)
    add_do(parser)


def add_prune(parser: ArgumentParser) -> None:
    parser.add_argument("--older-than", required=True, metavar="90d", help="what ended so long ago")
    parser.add_argument(
        "--status",
        action="append",
        choices=pruning.STATUSES,
        help="only what ended so; may be given more than once",
    )
    add_do(parser)

"""What all our commands share: subcommands, and errors told in a line with the right exit code.

0: all done.  1: some of it failed or was skipped.  2: wrong usage, and nothing was changed.
"""

import getpass
import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, OperationalError

from processes.audit import Operator
from processes.bus.errors import CommandBusError, MovedOn
from processes.states import Channel

Options = dict[str, Any]

SOME_FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True, slots=True)
class Subcommand:
    """``run`` takes the options; it raises ``some_failed`` or ``wrong`` where not all went well."""

    name: str
    help: str
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Options], None]


class ConsoleCommand(BaseCommand):
    requires_system_checks: list[str] = []

    def subcommands(self) -> list[Subcommand]:
        raise NotImplementedError

    def add_arguments(self, parser: ArgumentParser) -> None:
        subparsers = parser.add_subparsers(dest="subcommand", required=True)
        for subcommand in self.subcommands():
            told = subcommand.help
            added = subparsers.add_parser(subcommand.name, help=told, description=told)
            subcommand.add_arguments(added)

    def handle(self, *args: Any, **options: Any) -> None:
        (chosen,) = (each for each in self.subcommands() if each.name == options["subcommand"])
        try:
            with _only_warnings_logged():
                chosen.run(options)
            self.stdout.flush()
        except CommandBusError as error:
            code = SOME_FAILED if isinstance(error, MovedOn) else WRONG_USAGE
            raise CommandError(error.message, returncode=code) from error
        except (OperationalError, InterfaceError) as error:
            raise some_failed(f"The database does not answer: {_first_line(error)}") from error
        except DatabaseError as error:
            raise some_failed(f"The database refused: {_first_line(error)}") from error
        except BrokenPipeError:  # whoever read this has gone; nobody is left to be told
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(SOME_FAILED)
        except KeyboardInterrupt:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from None


@contextmanager
def _only_warnings_logged() -> Iterator[None]:
    """What was asked for is told by the command; the log would run through its table or bar."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)


def wrong(message: str) -> CommandError:
    return CommandError(message, returncode=WRONG_USAGE)


def some_failed(message: str) -> CommandError:
    return CommandError(message, returncode=SOME_FAILED)


def add_operator(parser: ArgumentParser) -> None:
    parser.add_argument("--operator", metavar="NAME", help="who acts; your login name by default")


def operator_of(options: Options) -> Operator:
    try:
        name = options["operator"] if options["operator"] is not None else getpass.getuser()
    except (KeyError, OSError):
        raise wrong("Nobody is logged in here; say who acts: --operator NAME.") from None
    return Operator(name, Channel.CLI)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

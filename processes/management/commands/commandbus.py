"""``manage.py commandbus status``: how the system does."""

from argparse import ArgumentParser

from django.db import DatabaseError, InterfaceError, connection

from processes.management.asking import interruptible
from processes.management.base import ConsoleCommand, Options, Subcommand
from processes.management.output import JSON, TABLE, add_format, write_facts
from processes.management.screen import figures, lines

EVERY_SECONDS = 2.0
_CLEAR = "\x1b[H\x1b[2J"


class Command(ConsoleCommand):
    help = "How the command bus does."

    def subcommands(self) -> list[Subcommand]:
        return [Subcommand("status", "What the dashboard shows.", add_status, self.status)]

    def status(self, options: Options) -> None:
        if not options["watch"]:
            self._write(options)
            return
        with interruptible() as interrupt:
            while not interrupt.asked:
                try:
                    self._write(options)
                except (DatabaseError, InterfaceError):
                    connection.close()
                    self.stderr.write("The database does not answer; asking again.")
                self.stdout.flush()
                interrupt.wait(EVERY_SECONDS)

    def _write(self, options: Options) -> None:
        found = figures()
        if options["format"] == JSON:
            write_facts(self.stdout, JSON, found)
            return
        if options["watch"] and self.stdout.isatty():
            self.stdout.write(_CLEAR, ending="")
        for line in lines(found):
            self.stdout.write(line)


def add_status(parser: ArgumentParser) -> None:
    parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
    add_format(parser, TABLE, JSON)

"""``manage.py processes check``: are the invariants kept, and what holds processes up?"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from processes.invariants import held_up, oldest_due_seconds, violations, waiting_for_code


class Command(BaseCommand):
    help = "Look after processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        subcommands = parser.add_subparsers(dest="subcommand", required=True)
        subcommands.add_parser("check", help="Check the invariants; exit code 1 if one is broken.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.check_invariants()

    def check_invariants(self) -> None:
        found = violations()
        for violation in found:
            self.stdout.write(f"{violation.invariant}: {violation.subject}: {violation.problem}")
        for held in held_up():
            self.stdout.write(
                f"held up: process {held.process_id}, reply {held.reply_id}: {held.why}"
            )
        for (domain, command_type), count in waiting_for_code():
            self.stdout.write(f"waiting for code: {count} {domain}/{command_type} command(s)")
        self.stdout.write(f"oldest item due here: {oldest_due_seconds():.1f} s")
        if found:
            raise CommandError(f"{len(found)} violation(s)")
        self.stdout.write("all invariants hold")

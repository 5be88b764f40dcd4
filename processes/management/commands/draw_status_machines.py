"""Draws both status machines from their declared transitions, as Mermaid diagrams in Markdown."""

from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import models

from processes.bus.models import Command as BusCommand
from processes.bus.states import FINAL_STATUSES, CommandStatus
from processes.models import Process
from processes.states import TERMINAL_STATUSES, ProcessStatus

BEGIN = "<!-- status machines: written by manage.py draw_status_machines -->"
END = "<!-- end of status machines -->"


class Command(BaseCommand):
    help = "Draw the status machines of commands and processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--write", metavar="FILE", help="between the marks in this file")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["write"]:
            self.stdout.write(drawing())
            return
        file = Path(options["write"])
        file.write_text(redrawn(file.read_text()))


def drawing() -> str:
    """Both diagrams, each under its heading."""
    process = diagram(Process, ProcessStatus.PENDING, TERMINAL_STATUSES)
    command = diagram(BusCommand, CommandStatus.PENDING, FINAL_STATUSES)
    return f"A process:\n\n{process}\n\nA command:\n\n{command}"


def redrawn(text: str) -> str:
    """``text`` with the drawing between its marks made anew."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise CommandError(f"The file needs the marks {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n\n{drawing()}\n\n{END}{after}"


def diagram(model: type[models.Model], start: str, ends: tuple[str, ...]) -> str:
    moves: dict[tuple[str, str], list[str]] = defaultdict(list)
    for move in model.get_all_status_transitions(model()):  # type: ignore[attr-defined]
        moves[str(move.source), str(move.target)].append(move.name)
    lines = [f"    [*] --> {start}"]
    lines += [f"    {a} --> {b}: {', '.join(sorted(by))}" for (a, b), by in sorted(moves.items())]
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])

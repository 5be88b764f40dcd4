"""Showing what would be done, and doing it only when told to."""

import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from processes.management.base import Options

NOTHING_DONE = "Nothing was changed. To do it, say --yes."


def add_yes(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it; without, it is only shown")


def agreed(options: Options, question: str, answer: str = "yes") -> bool:
    """By ``--yes``, or by typing ``answer`` at the terminal."""
    if options["yes"]:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(f"{question} Type {answer} to go on: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == answer


class Interrupt:
    """Whether somebody wants us to end; set by Ctrl-C or SIGTERM, asked for between items."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self, *_: Any) -> None:
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """No longer than until somebody asks."""
        self._asked.wait(seconds)


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """What is at hand is finished first; a second signal ends at once."""
    interrupt = Interrupt()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def ask(number: int, _frame: Any) -> None:
        interrupt.ask()
        signal.signal(number, before[signal.Signals(number)])

    for number in signals:
        signal.signal(number, ask)
    try:
        yield interrupt
    finally:
        for number in signals:
            signal.signal(number, before[number])

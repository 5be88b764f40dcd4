"""Who works for a story that is told in this process, and where it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

from rich.console import Console

from processes.definitions.statement_report.demo.progress import Workers
from processes.worker import run_until_idle
from tests.support.clock import DatabaseClock


class WorkersHere:
    """Work in this process, and let time pass so that retries fall due."""

    def __init__(self, clock: DatabaseClock) -> None:
        self.clock = clock

    def work(self) -> None:
        run_until_idle()
        self.clock.advance(5)


class WorkersAsleep:
    def work(self) -> None:
        """Do nothing."""


@contextmanager
def always(workers: Workers) -> Iterator[Workers]:
    yield workers


def console() -> Console:
    return Console(file=StringIO(), width=120, markup=False)

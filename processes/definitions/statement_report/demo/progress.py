"""Waiting for the workers, with a progress bar on a terminal and plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from processes.definitions.statement_report.demo.cast import Run
from processes.definitions.statement_report.demo.cluster import DemoFailed
from processes.models import Process, ProcessStep
from processes.states import TERMINAL_STATUSES, Direction, ProcessStatus

STALLED_SECONDS = 60
STEPS = 5  # forward steps of a process
LINE_SECONDS = 5


class Workers(Protocol):
    def work(self) -> None:
        """Let the workers work for a moment; raises DemoFailed if there are none."""


def wait_until_settled(run: Run, workers: Workers, console: Console) -> None:
    """Until every process has ended or waits for the operator."""
    resting = (*TERMINAL_STATUSES, ProcessStatus.WAITING_FOR_TSQ)

    def steps_done() -> int:
        settled = Process.objects.filter(id__in=run.roles, status__in=resting).count()
        tried = ProcessStep.objects.filter(
            process__in=run.roles, direction=Direction.FORWARD, outcome__isnull=False
        ).exclude(process__status__in=resting)
        return settled * STEPS + tried.count()

    _wait("Steps done", len(run.roles) * STEPS, steps_done, workers, console)


def wait_until_ended(run: Run, workers: Workers, console: Console) -> None:
    def ended() -> int:
        return Process.objects.filter(id__in=run.roles, status__in=TERMINAL_STATUSES).count()

    _wait("Processes ended", len(run.roles), ended, workers, console)


def _wait(
    label: str, total: int, count: Callable[[], int], workers: Workers, console: Console
) -> None:
    done, moved_at = -1, time.monotonic()
    with _shown(label, total, console) as show:
        while done < total:
            before, done = done, count()
            show(done)
            if done != before:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > STALLED_SECONDS:
                raise DemoFailed(
                    f"Nothing has moved for {STALLED_SECONDS} s with {done} of {total} done."
                )
            workers.work()


@contextmanager
def _shown(label: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Yields the function that shows how much is done."""
    if not console.is_terminal:
        yield _plain_lines(label, total, console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task(label, total=total)
        yield lambda done: progress.update(bar, completed=done)


def _plain_lines(label: str, total: int, console: Console) -> Callable[[int], None]:
    shown_at = time.monotonic()

    def show(done: int) -> None:
        nonlocal shown_at
        if done == total or time.monotonic() - shown_at >= LINE_SECONDS:
            console.print(f"{label}: {done:,} of {total:,}")
            shown_at = time.monotonic()

    return show

"""Doing something to each one of a selection, one transaction each, with an outcome for each."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.management.base import BaseCommand

from processes.bus.errors import CommandBusError, MovedOn
from processes.management.asking import NOTHING_DONE, agreed, interruptible
from processes.management.base import Options, some_failed
from processes.management.output import TABLE, write_rows
from processes.management.progress import progress

DONE, SKIPPED, FAILED = "DONE", "SKIPPED", "FAILED"
MOST_GROUPS, SAMPLE = 20, 5


@dataclass(frozen=True, slots=True)
class Preview:
    """How many of what, in which groups, and the first of them."""

    number: int
    what: str
    group_header: Sequence[str]
    groups: Sequence[Sequence[Any]]
    sample_header: Sequence[str]
    sample: Sequence[Sequence[Any]]

    @property
    def title(self) -> str:
        return f"{self.what}: {self.number}"

    def write(self, command: BaseCommand) -> None:
        command.stderr.write(self.title)
        if self.number:
            command.stderr.write("")
            write_rows(command.stderr, TABLE, self.group_header, self.groups)
            command.stderr.write(f"\nThe first {len(self.sample)}:")
            write_rows(command.stderr, TABLE, self.sample_header, self.sample)
            command.stderr.write("")


def do_each(
    command: BaseCommand,
    options: Options,
    preview: Preview,
    chosen: Sequence[Any],
    act: Callable[[Any], object],
) -> None:
    """Show ``preview``; when agreed do it to each of ``chosen`` (ids) and tell what came of it.

    Raises CommandError unless all were done.
    """
    preview.write(command)
    if not chosen:
        raise some_failed("Nothing matches; nothing was changed.")
    if not agreed(options, f"{preview.title}."):
        raise some_failed(NOTHING_DONE)
    counted: Counter[str] = Counter()
    header = ("id", "outcome", "message")
    write_rows(
        command.stdout,
        options["format"],
        header,
        _outcomes(command, options, preview.what, chosen, act, counted),
    )
    tell_outcome(command, counted, len(chosen))


def tell_outcome(command: BaseCommand, counted: Counter[str], total: int) -> None:
    """Raises CommandError unless all of them were done."""
    left = total - counted.total()
    told = [f"{number} {word.lower()}" for word, number in counted.items() if number]
    told += [f"{left} not begun"] if left else []
    summary = f"Of {total}: {', '.join(told)}."
    if counted[DONE] < total:
        raise some_failed(summary)
    command.stderr.write(summary)


def _outcomes(
    command: BaseCommand,
    options: Options,
    what: str,
    chosen: Sequence[Any],
    act: Callable[[Any], object],
    counted: Counter[str],
) -> Iterator[tuple[Any, str, str]]:
    pause = 1 / options["rate"] if options.get("rate") else 0.0
    with interruptible() as interrupt, progress(command.stderr, what, len(chosen)) as tell:
        for number, item in enumerate(chosen, start=1):
            if interrupt.asked:
                command.stderr.write("Interrupted; the rest was not begun. Run it again to go on.")
                return
            outcome, message = _outcome(item, act)
            counted[outcome] += 1
            yield item, outcome, message
            tell(number)
            if number < len(chosen):
                interrupt.wait(pause)


def _outcome(item: Any, act: Callable[[Any], object]) -> tuple[str, str]:
    try:
        act(item)
    except MovedOn as error:
        return SKIPPED, error.message
    except CommandBusError as error:
        return FAILED, error.message
    return DONE, ""

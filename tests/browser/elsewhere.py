"""Playwright in a thread of its own.

It keeps an event loop running in its thread, in which Django would open other connections than
the test's; so tests hold stand-ins, and what they ask of them is done over there.
"""

from concurrent.futures import Executor
from typing import Any

from playwright import sync_api


class Elsewhere:
    """Stands for an object of Playwright's or a function that lives in ``thread``."""

    def __init__(self, subject: Any, thread: Executor) -> None:
        self._subject = subject
        self._thread = thread

    def __getattr__(self, name: str) -> Any:
        return self._back(self._thread.submit(getattr, self._subject, name).result())

    def __call__(self, *args: Any, **options: Any) -> Any:
        there = [_plain(argument) for argument in args]
        options = {name: _plain(value) for name, value in options.items()}
        return self._back(self._thread.submit(self._subject, *there, **options).result())

    def _back(self, result: Any) -> Any:
        is_playwrights = type(result).__module__.startswith("playwright.")
        return Elsewhere(result, self._thread) if is_playwrights or callable(result) else result


def expect(subject: Elsewhere) -> Any:
    """Playwright's ``expect``: waits for the condition, and fails after a while."""
    return Elsewhere(sync_api.expect, subject._thread)(subject)


def _plain(argument: Any) -> Any:
    return argument._subject if isinstance(argument, Elsewhere) else argument

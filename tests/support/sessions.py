"""Several sessions of the database at once: threads, each with connections of its own."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
from django.db import connections

T = TypeVar("T")

PATIENCE_SECONDS = 10.0


def run_together(*functions: Callable[[], Any]) -> list[Any]:
    """Start all functions at the same moment, each in a session of its own.

    Returns, in the given order, what each returned or the exception it raised.
    """
    barrier = Barrier(len(functions))

    def start(function: Callable[[], Any]) -> Any:
        barrier.wait(PATIENCE_SECONDS)
        return function()

    running = [in_other_session(lambda f=function: start(f)) for function in functions]
    return [future.exception(PATIENCE_SECONDS) or future.result() for future in running]


def in_other_session(function: Callable[[], T]) -> "Future[T]":
    """Run ``function`` in a thread with connections of its own, closed when it ends."""

    def run() -> T:
        try:
            return function()
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1, thread_name_prefix="session")
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


def wait_until(condition: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
    """Wait for ``condition`` to hold and return what it said; fails the test after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {seconds} s in vain for {condition.__qualname__}.")
        time.sleep(0.01)
    return answer

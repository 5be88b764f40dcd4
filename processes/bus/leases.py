"""Keeping to a lease: interrupt what overruns it, and end a process that cannot be interrupted."""

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STDERR = 2  # the descriptor: sys.stderr may be replaced by something without one
GRACE_SECONDS = 5.0
"""How long after its lease code may take to react to the interruption."""


class LeaseOverrun(KeyboardInterrupt):
    """Raised in code that is still running when its lease ends; not for handlers to catch.

    A KeyboardInterrupt, because that is what psycopg cancels a running query for.
    """


@contextmanager
def leases_enforced(until: float) -> Iterator[None]:
    """Let ``interrupted_at`` work in the block, which holds leases ``until`` at the latest.

    ``until`` is a ``time.monotonic()``.  The last resort against code that swallows its
    interruption or hangs outside Python: this process ends, with a traceback on stderr, when the
    grace after ``until`` is over too.  The watch is a C thread that needs no interpreter lock;
    another worker takes over.
    """
    seconds = max(until - time.monotonic(), 0) + GRACE_SECONDS
    faulthandler.dump_traceback_later(seconds, exit=True, file=STDERR)
    previous = _in_main_thread() and signal.signal(signal.SIGALRM, _raise_overrun)
    try:
        yield
    finally:
        if _in_main_thread():
            signal.signal(signal.SIGALRM, previous)
        faulthandler.cancel_dump_traceback_later()


class _Alarm:
    armed = False


@contextmanager
def interrupted_at(deadline: float) -> Iterator[None]:
    """Raise LeaseOverrun in the block if it still runs at ``deadline`` (``time.monotonic()``).

    Works by SIGALRM and so only in the main thread; elsewhere the block runs unwatched.
    """
    if not _in_main_thread():
        yield
        return
    _Alarm.armed = True
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.001))
    try:
        yield
    finally:
        _Alarm.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)


def _raise_overrun(_signum: int, _frame: FrameType | None) -> None:
    if _Alarm.armed:
        _Alarm.armed = False
        raise LeaseOverrun


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()

"""Long polls: an answer that waits for something to tell."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 20
POLL_SECONDS = 0.2


def wait_for(found: Callable[[], T], seconds: float) -> T:
    """What ``found`` returns, once it is something or the time is up.

    Each ask is short and outside of any transaction.  Nobody notices a caller who hangs up: the
    wait goes on, and what is then found is there for the next one to ask.
    """
    deadline = time.monotonic() + seconds
    while not (answer := found()) and (left := deadline - time.monotonic()) > 0:
        time.sleep(min(POLL_SECONDS, left))
    return answer

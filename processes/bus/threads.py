"""Runs handlers with ``transactional=False``: slow outside calls, many at a time, in threads.

Their outcomes are settled in groups as they arrive, never together with transactional ones.
"""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from django.db import connections

from processes.bus import conf, measures
from processes.bus.claims import Claim
from processes.bus.leases import GRACE_SECONDS
from processes.bus.outcomes import Failed, Outcome, Succeeded, failure_of, outcome_of, result_text


class HandlerThreads:
    """A worker's pool of threads; ``free`` says how many more commands it may claim."""

    def __init__(self) -> None:
        self._size = conf.threads()
        self._pool = ThreadPoolExecutor(self._size, thread_name_prefix="handler")
        self._running: dict[Future[Succeeded | Failed], Claim] = {}

    @property
    def free(self) -> int:
        return self._size - len(self._running)

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def start(self, claims: Sequence[Claim]) -> None:
        measures.count_deliveries(claim.lane for claim in claims)
        for claim in claims:
            self._running[self._pool.submit(_run, claim)] = claim

    def wait(self, seconds: float) -> bool:
        """Wait for the first one to finish, at most so long; False when none is running."""
        if self._running:
            wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
        return self.busy

    def finished(self) -> list[tuple[Claim, Outcome]]:
        """What has finished since the last call."""
        done = [future for future in self._running if future.done()]
        return [(self._running.pop(future), future.result()) for future in done]

    def hung(self) -> list[Claim]:
        """What still runs although its lease and the grace after it are over."""
        now = time.monotonic()
        return [claim for claim in self._running.values() if claim.deadline + GRACE_SECONDS < now]

    def all_hung(self) -> bool:
        return self.busy and len(self.hung()) == len(self._running)


def _run(claim: Claim) -> Succeeded | Failed:
    assert claim.handler is not None
    handler, message = claim.handler, claim.message
    started = time.monotonic()
    try:
        return outcome_of(lambda: result_text(handler.run(message)))
    except KeyboardInterrupt as error:  # nobody interrupts a thread; the handler raised it
        return failure_of(error)
    finally:
        measures.observe(handler.lane, time.monotonic() - started)
        connections.close_all()

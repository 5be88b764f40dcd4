"""The worker: delivers commands and handles replies, until nothing is due or its time is up.

One round, top to bottom: claim what is due, run it (transactional handlers here, the others in
threads), settle it, hand the replies to the managers, and carry on with the commands they sent.
"""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence

from processes.base import REPLY_ADDRESS
from processes.bus import conf, measures, pace
from processes.bus.claims import (
    Claim,
    claim,
    claim_alone,
    claim_without_handler,
    command_due_in,
)
from processes.bus.delivery import deliver, settle_outcomes
from processes.bus.ended_leases import end_leases
from processes.bus.handlers import Handler, local_handlers
from processes.bus.settlement import TakenReply
from processes.bus.threads import HandlerThreads
from processes.bus.wakeup import wake_workers
from processes.engine import handle_replies, reply_due_in, take_replies, take_reply_again

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 2.0
THREAD_WAIT_SECONDS = 0.05
LOOK_AGAIN_SECONDS = 0.05
_IN_THREADS = "threads"


_stop = threading.Event()


def request_stop() -> None:
    """Let this process's worker finish what it runs, give back the rest, and return."""
    _stop.set()


class Worker:
    """Lives as long as the thread that works, for the threads it has and what they still run."""

    def __init__(self) -> None:
        self._threads = HandlerThreads()
        self._until = 0.0
        self._look_again_at = 0.0
        self._room: Counter[object] = Counter()

    def run(self, seconds: float) -> int:
        """Work for about so long; returns how many commands and replies were handled."""
        self._until = time.monotonic() + seconds
        handled = self._work_off()
        measures.flush_now_and_then()
        return handled

    def _work_off(self) -> int:
        handled = self._take_aside()
        carried: list[Claim] = []
        while True:
            claims = carried + self._claim_more(carried)
            finished = self._threads.finished()
            self._threads.start([c for c in claims if not _runs_here(c)])
            taken = deliver([c for c in claims if _runs_here(c)], REPLY_ADDRESS, self._not_now)
            taken += settle_outcomes(finished, REPLY_ADDRESS)
            taken += self._take_more(taken)
            carried = self._advance(taken)
            handled += len(claims) + len(taken)
            if not (claims or finished or taken) and not self._threads_go_on():
                return handled

    def _take_aside(self) -> int:
        """What was lost or failed before, each with no company, and what no handler here knows."""
        handled = 0
        while self._may_claim() and (ended := end_leases(REPLY_ADDRESS)).number:
            handled += ended.number
            handle_replies(ended.taken, _leave_to_others)
        while self._may_run_alone() and (claims := claim_alone()):
            handled += 1
            handle_replies(self._deliver_alone(claims), _leave_to_others)
        while self._may_run_alone() and (taken := take_reply_again()):
            handled += 1
            handle_replies(taken, _leave_to_others)
        unknown = claim_without_handler() if self._may_claim() else []
        handle_replies(deliver(unknown, REPLY_ADDRESS, self._not_now), _leave_to_others)
        return handled + len(unknown)

    def _deliver_alone(self, claims: list[Claim]) -> list[TakenReply]:
        if all(_runs_here(claim) for claim in claims):
            return deliver(claims, REPLY_ADDRESS, self._not_now)
        self._threads.start(claims)
        while not (finished := self._threads.finished()):
            self._threads_go_on()
        return settle_outcomes(finished, REPLY_ADDRESS)

    def _claim_more(self, carried: list[Claim]) -> list[Claim]:
        """Due commands beside those carried on: as many as their lanes have room for."""
        self._measure_room()
        for held in carried:
            self._room[_place(held.handler)] -= 1
        if not self._may_look(carried):
            return []
        here = [(h.lane, self._room[h.lane]) for h in local_handlers() if h.transactional]
        most = conf.batch_size() - len(carried)
        claims = claim(here, most) + self._claim_for_threads()
        if len(claims) < most:
            self._look_again_at = time.monotonic() + LOOK_AGAIN_SECONDS
        return claims

    def _may_look(self, in_hand: Sequence[object]) -> bool:
        """What is due is looked for at once when nothing is in hand, else now and then."""
        if _stop.is_set() or not (self._may_claim() or self._threads.busy):
            return False
        return not in_hand or time.monotonic() >= self._look_again_at

    def _claim_for_threads(self) -> list[Claim]:
        free = self._room[_IN_THREADS]
        if not self._may_claim() or self._threads.hung():
            return []
        lanes = [(h.lane, free) for h in local_handlers() if not h.transactional]
        return claim(lanes, free)

    def _take_more(self, taken: list[TakenReply]) -> list[TakenReply]:
        return take_replies(conf.batch_size()) if self._may_look(taken) else []

    def _advance(self, taken: list[TakenReply]) -> list[Claim]:
        self._measure_room()
        return handle_replies(taken, self._run_next)

    def _measure_room(self) -> None:
        self._room.clear()
        self._room[_IN_THREADS] = self._threads.free
        for handler in local_handlers():
            if handler.transactional:
                self._room[handler.lane] = pace.batch_limit(handler.lane)

    def _run_next(self, handler: Handler) -> bool:
        """Whether a command about to be sent is run by this worker in its next round."""
        place = _place(handler)
        if not self._may_claim() or self._room[place] <= 0:
            return False
        self._room[place] -= 1
        return True

    def _may_claim(self) -> bool:
        return time.monotonic() < self._until and not _stop.is_set()

    def _may_run_alone(self) -> bool:
        return self._may_claim() and not self._threads.busy

    def _not_now(self) -> str | None:
        if _stop.is_set():
            return "the worker was asked to stop"
        if time.monotonic() > self._until + 2 * pace.BATCH_SECONDS and not self._threads.busy:
            return "the worker's time was over"
        return None

    def _threads_go_on(self) -> bool:
        """Whether threads still run; ends this process if only hung ones are left.

        A thread cannot be interrupted.  The claims it holds are lost with their leases; the
        process is replaced, and another worker takes over.
        """
        if self._threads.all_hung():
            for held in self._threads.hung():
                name, command_id = held.message.command_type, held.command_id
                logger.critical("%s %s hangs past its lease; this worker ends", name, command_id)
            logging.shutdown()
            os._exit(1)
        return self._threads.wait(THREAD_WAIT_SECONDS)


_own = threading.local()


def work(seconds: float = BUDGET_SECONDS) -> int:
    """Work for about so long and wake other workers if something is left to do."""
    started = time.monotonic()
    handled = _own_worker().run(seconds)
    if time.monotonic() - started >= seconds and seconds_until_due() == 0:
        wake_workers()
    return handled


def run_until_idle(max_seconds: float | None = None) -> int:
    """Work in this process until nothing is due, or for so long; returns how much was handled."""
    worker = _own_worker()
    until = time.monotonic() + (float("inf") if max_seconds is None else max_seconds)
    handled = 0
    while (left := until - time.monotonic()) > 0:
        done = worker.run(min(BUDGET_SECONDS, left))
        handled += done
        if seconds_until_due() != 0:
            break
        if not done:
            time.sleep(THREAD_WAIT_SECONDS)  # what is due is in another worker's hands
    measures.flush()
    return handled


def seconds_until_due() -> float | None:
    """0 when something can be done now, else seconds until then; None when nothing waits."""
    waits = [wait for wait in (command_due_in(), reply_due_in()) if wait is not None]
    return max(min(waits), 0.0) if waits else None


def _own_worker() -> Worker:
    """One for each thread that works; made anew after a fork, which its threads do not survive."""
    if getattr(_own, "pid", None) != os.getpid():
        _own.pid, _own.worker = os.getpid(), Worker()
    worker: Worker = _own.worker
    return worker


def _leave_to_others(_handler: Handler) -> bool:
    """The answer of a worker that goes on with none of the commands it sends."""
    return False


def _runs_here(claim: Claim) -> bool:
    return claim.handler is None or claim.handler.transactional or claim.exhausted


def _place(handler: Handler | None) -> object:
    return handler.lane if handler and handler.transactional else _IN_THREADS

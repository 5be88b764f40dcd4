"""The supervisor: keeps one trusted cluster running and lets condemned ones finish.

It touches neither the database nor a lock that another process may hold, so that nothing but a
signal can stop it.
"""

import contextlib
import logging
import os
import signal
import socket
import time

from django.db import connections
from django_q.cluster import get_mp_context
from django_q.conf import Conf

from processes.broker import ClusterBroker
from processes.cluster.board import Board
from processes.cluster.sentinel import Flag, run_sentinel
from processes.heartbeat import WorkerHeartbeat

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
START_APART_SECONDS = 1.0
FAULT_SECONDS = 5.0
"""How long a fault must last unchanged before the cluster is condemned for it."""
RESULTS_SECONDS = 1.0
"""After the last busy worker, for its result to reach the monitor."""
DRAIN_SECONDS = 600.0
"""A condemned cluster's busy workers get so long."""
STOP_SECONDS = 60.0
"""And those of a cluster that is asked to stop so long."""


class Cluster:
    """One cluster from its start to its end."""

    def __init__(self, heartbeat: WorkerHeartbeat) -> None:
        self.board = Board(Conf.WORKERS)
        self._stop = Flag()
        self._fault: str | None = None
        self._fault_since = self._quiet_since = time.monotonic()
        self._sentinel = get_mp_context().Process(
            target=run_sentinel,
            args=(os.getpid(), self._stop, ClusterBroker(self.board, heartbeat)),
        )
        connections.close_all()  # not to be shared with the children
        self._sentinel.start()

    def failure(self) -> str | None:
        """Why the cluster is not trusted any more."""
        if not self._sentinel.is_alive():
            return f"its sentinel ended with exit code {self._sentinel.exitcode}"
        if self.board.condemned:
            return "one of its processes was killed"
        fault, now = self.board.fault(), time.monotonic()
        if fault != self._fault:
            self._fault, self._fault_since = fault, now
        return fault if now - self._fault_since > FAULT_SECONDS else None

    def condemn(self) -> None:
        self.board.condemn()
        self._quiet_since = time.monotonic()

    def stop(self) -> None:
        self._stop.set()
        self._quiet_since = time.monotonic()

    def is_over(self) -> bool:
        """Of a cluster that was condemned or stopped: its end would interrupt nothing any more.

        A sound one ends by itself when it is stopped; one that is idle and does not is stuck.
        """
        if self.board.busy:
            self._quiet_since = time.monotonic()
        patience = RESULTS_SECONDS if self.board.condemned else FAULT_SECONDS
        return not self._sentinel.is_alive() or time.monotonic() - self._quiet_since > patience

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._sentinel.pid, signal.SIGKILL)
        self._sentinel.kill()
        self._sentinel.join()
        self.board.close()


class Supervisor:
    def __init__(self) -> None:
        self._heartbeat = WorkerHeartbeat(
            host=socket.gethostname(), pid=os.getpid(), workers=Conf.WORKERS
        )
        self._stop_requests = 0
        self._draining: dict[Cluster, float] = {}

    def run(self) -> bool:
        """Until a signal asks to stop; False when a second one asked to stop at once."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._request_stop)
        self._cluster = self._start()
        try:
            while not self._stop_requests:
                time.sleep(LOOK_SECONDS)
                self._look_after_cluster()
                self._end_drained()
            self._let_finish()
        finally:
            for cluster in [self._cluster, *self._draining]:
                cluster.kill()
        return self._stop_requests < 2

    def _request_stop(self, signum: int, frame: object) -> None:
        self._stop_requests += 1

    def _start(self) -> Cluster:
        self._started_at = time.monotonic()
        return Cluster(self._heartbeat)

    def _look_after_cluster(self) -> None:
        reason = self._cluster.failure()
        if reason is None or time.monotonic() - self._started_at < START_APART_SECONDS:
            return
        logger.error("Replacing the cluster: %s", reason)
        self._cluster.condemn()
        self._draining[self._cluster] = time.monotonic() + DRAIN_SECONDS
        self._cluster = self._start()

    def _end_drained(self) -> None:
        for cluster, until in list(self._draining.items()):
            if cluster.is_over() or time.monotonic() > until:
                del self._draining[cluster]
                cluster.kill()

    def _let_finish(self) -> None:
        clusters = [self._cluster, *self._draining]
        for cluster in clusters:
            cluster.stop()
        until = time.monotonic() + STOP_SECONDS
        while self._stop_requests < 2 and time.monotonic() < until:
            over = [cluster.is_over() for cluster in clusters]
            if all(over):
                return
            time.sleep(LOOK_SECONDS)

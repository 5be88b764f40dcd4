"""django-q2's sentinel, which also keeps the board and condemns a cluster that lost a process."""

import logging
import os
import signal
import time
import uuid
from collections.abc import Callable
from ctypes import c_bool
from functools import partial
from multiprocessing import Process
from multiprocessing.sharedctypes import RawValue
from multiprocessing.util import Finalize
from typing import Any

import django_q.cluster
from django_q.conf import logger as django_q_logger
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.signals import post_execute_in_worker, post_spawn, pre_execute

from processes.broker import WORK, ClusterBroker
from processes.bus import measures
from processes.cluster.lifeline import die_with_parent

logger = logging.getLogger(__name__)

TIMED_OUT_GRACE_SECONDS = 1.0


class Flag:
    """An event; multiprocessing's own blocks after someone waiting for it was killed."""

    def __init__(self) -> None:
        self._value = RawValue(c_bool, False)

    def set(self) -> None:
        self._value.value = True

    def is_set(self) -> bool:
        return self._value.value

    def wait(self, seconds: float) -> bool:
        if not self.is_set():
            time.sleep(seconds)
        return self.is_set()


class Sentinel(django_q.cluster.Sentinel):
    broker: ClusterBroker

    def start(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):  # inherited by all it starts
            signal.signal(each, _leave_stopping_to_the_supervisor)
        post_spawn.connect(self._worker_starts)
        pre_execute.connect(self._worker_takes)
        post_execute_in_worker.connect(self._worker_finishes)
        self.board = self.broker.board
        self.board.sentinel_is(os.getpid())
        super().start()

    def spawn_worker(self) -> None:
        taken = {process.pid for process in self.pool}
        self._place = next(place for place in self.board.places if place.pid not in taken)
        super().spawn_worker()
        self._place.pid = self.pool[-1].pid

    def spawn_pusher(self) -> Process:
        process = self.spawn_process(_tied(pusher), self.task_queue, self.event_out, self.broker)
        self.board.pusher_is(process.pid)
        return process

    def spawn_monitor(self) -> Process:
        process = self.spawn_process(_tied(monitor), self.result_queue, self.broker)
        self.board.monitor_is(process.pid)
        return process

    def reincarnate(self, process: Process) -> None:
        exitcode = process.exitcode or 0
        if exitcode < 0:
            logger.error("Process %s was killed by signal %s", process.pid, -exitcode)
            self.board.condemn()
        super().reincarnate(process)
        if process.is_alive():  # timed out, and deaf to the signal django-q2 sends then
            process.join(TIMED_OUT_GRACE_SECONDS)
            process.kill()

    def stop(self) -> None:
        self.event_out.set()
        self.board.ring()  # or the pusher would wait its time before it looks at the event
        super().stop()

    # In a worker, whose place is the one that was chosen just before it was started:

    def _worker_starts(self, **_: Any) -> None:
        die_with_parent(self.pid)
        measures.gather()
        Finalize(None, measures.flush, exitpriority=0)
        self.board.start(self._place)

    def _worker_takes(self, task: dict[str, Any], **_: Any) -> None:
        self.board.take(self._place, is_work=task["ack_id"] is None)

    def _worker_finishes(self, task: dict[str, Any], **_: Any) -> None:
        self.board.finish(self._place, is_work=task["ack_id"] is None)


def run_sentinel(supervisor_pid: int, stop: Flag, broker: ClusterBroker) -> None:
    """The life of a cluster, in a process group of its own so that it can be killed as a whole."""
    die_with_parent(supervisor_pid)
    os.setpgid(0, 0)
    django_q_logger.addFilter(_is_worth_telling)
    Sentinel(stop, Flag(), uuid.uuid4(), broker)


def _tied(target: Callable[..., None]) -> Callable[..., None]:
    return partial(_run_tied, os.getpid(), target)


def _run_tied(parent_pid: int, target: Callable[..., None], *args: object) -> None:
    die_with_parent(parent_pid)
    target(*args)


def _leave_stopping_to_the_supervisor(signum: int, frame: object) -> None:
    """Whoever stops a whole process group means the supervisor, which lets tasks finish."""


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """django-q2 tells of each task twice; works are given out many times a second."""
    return record.levelno > logging.INFO or WORK not in record.getMessage()

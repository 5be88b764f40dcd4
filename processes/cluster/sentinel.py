"""django-q2's sentinel, telling the board who does what, and when to give the cluster up."""

import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from multiprocessing import Process
from typing import Any

import django_q.cluster
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.signals import post_execute_in_worker, post_spawn, pre_execute

from processes.cluster.board import Board, Place
from processes.cluster.lifeline import die_with_parent

logger = logging.getLogger(__name__)


class Sentinel(django_q.cluster.Sentinel):
    """Runs until the stop event is set; its broker is a ``processes.broker.ClusterBroker``."""

    def start(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, _leave_it_to_the_supervisor)
        self.board: Board = self.broker.board
        self.board.sentinel_is(os.getpid())
        super().start()

    def spawn_worker(self) -> None:
        taken = {process.pid for process in self.pool}
        place = next(place for place in self.board.places if place.pid not in taken)
        at_desk = Desk(self.board, place)
        super().spawn_worker()
        place.pid = self.pool[-1].pid
        at_desk.leave()

    def spawn_pusher(self) -> Process:
        return self.spawn_process(_tied(pusher), self.task_queue, self.event_out, self.broker)

    def spawn_monitor(self) -> Process:
        process = self.spawn_process(_tied(monitor), self.result_queue, self.broker)
        self.board.monitor_is(process.pid)
        return process

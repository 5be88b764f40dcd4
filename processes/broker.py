"""Gives a worker the task ``work`` as soon as a command or a reply is due.

What django-q2's pusher asks for is looked up in the database, and then waited for:

    dequeue
      -> ordinary tasks   (``async_task``, schedules) from django-q2's table
      -> a work           if something is due and a worker has taken the last one
      -> else wait        for a NOTIFY or a worker's bell, at most until something is due

Neither starves the other: ordinary tasks keep at most all workers but one busy, and a work ends
after its budget of time, with at most one waiting in the queue.
"""

import logging
import select
import time
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import QuerySet
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.humanhash import uuid
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from psycopg import Error as PsycopgError

from processes.bus.wakeup import CHANNEL, wake_workers
from processes.cluster.board import Board
from processes.heartbeat import BEAT_SECONDS, WorkerHeartbeat, beat
from processes.worker import seconds_until_due

logger = logging.getLogger(__name__)

WORK = "processes.tasks.work"

WAIT_SECONDS = 1.0
"""The longest wait; also how often to look for what no NOTIFY told."""

PROBE_SECONDS = 5.0
"""After so long without a work one is given out all the same, to see that a worker takes it."""

LOOK_APART_SECONDS = 0.005
"""Between two looks, so that a flood of NOTIFYs costs little and a claim shows before the next."""

STATEMENT_TIMEOUT = "5s"
"""Held up by a locked table, the pusher would pass for stuck."""

Package = tuple[int | None, str]
"""What the pusher takes: the row to acknowledge, if any, and the signed task."""


class Broker(ORM):
    """Enqueues ordinary tasks, from any process."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> QuerySet[OrmQ]:  # noqa: ARG004
        """The queue's rows.  django-q2 would ask the database whether it is in a transaction,
        so that no broker could even be made while the database is down."""
        if not connections[Conf.ORM].in_atomic_block:
            connections[Conf.ORM].close_if_unusable_or_obsolete()
        return OrmQ.objects.using(Conf.ORM)

    def enqueue(self, task: str) -> int:
        row = super().enqueue(task)
        wake_workers()
        return row


class ClusterBroker(Broker):
    """Feeds one cluster; only its pusher calls ``dequeue``."""

    def __init__(self, board: Board, heartbeat: WorkerHeartbeat) -> None:
        super().__init__()
        self.board = board
        self._heartbeat = heartbeat
        self._listener: Listener | None = None
        self._database_is_down = False
        self._looked_at = self._offered_at = self._beat_at = float("-inf")

    def dequeue(self) -> list[Package]:
        """Never raises, and returns within about a second: else django-q2 gives the pusher up."""
        self.board.pusher_looks()
        if self.board.condemned:
            time.sleep(WAIT_SECONDS)
            return []
        try:
            packages = self._look()
            self._database_is_back()
            return packages
        except Exception as error:
            self._database_failed(error)
            return []

    def _look(self) -> list[Package]:
        self._listener = self._listener or Listener()
        time.sleep(max(0.0, self._looked_at + LOOK_APART_SECONDS - time.monotonic()))
        self._looked_at = time.monotonic()
        self._beat()
        due_in = self._work_due_in()
        packages = self._ordinary_tasks()  # the last query: if it fails, nothing was taken
        if due_in <= 0:
            packages.append(self._offer_work())
        if not packages:
            self._listener.wait(self.board.bell, min(due_in, WAIT_SECONDS))
        return packages

    def _ordinary_tasks(self) -> list[Package]:
        if self.board.open_tasks >= max(1, len(self.board.places) - 1) or not self.queue_size():
            return []
        packages = super().dequeue() or []
        self.board.offer_tasks(len(packages))
        return packages

    def _work_due_in(self) -> float:
        if self.board.work_is_waiting:
            return WAIT_SECONDS
        due_in = seconds_until_due()
        probe_in = self._offered_at + PROBE_SECONDS - self._looked_at
        return probe_in if due_in is None else min(due_in, probe_in)

    def _offer_work(self) -> Package:
        """Nothing to acknowledge, nothing to save, and no time limit: it keeps its own leases."""
        name, task_id = uuid()
        task = {"id": task_id, "name": name, "func": WORK, "args": (), "kwargs": {}}
        options = {"started": timezone.now(), "save": False, "timeout": -1}
        self._offered_at = time.monotonic()
        self.board.offer_work()
        return None, SignedPackage.dumps(task | options)

    def _beat(self) -> None:
        """From the first task that a worker has taken, as long as the board shows no fault."""
        last_task = self.board.last_change_seconds_ago
        is_time = time.monotonic() - self._beat_at >= BEAT_SECONDS
        if is_time and last_task is not None and self.board.fault() is None:
            beat(self._heartbeat, last_task)
            self._beat_at = time.monotonic()

    def _database_failed(self, error: Exception) -> None:
        if not self._database_is_down:
            expected = isinstance(error, DatabaseError | PsycopgError)
            logger.error("Cannot see what is due, trying on: %s", error, exc_info=not expected)
        self._database_is_down = True
        if self._listener:
            self._listener.close()
        self._listener = None
        connections.close_all()
        time.sleep(WAIT_SECONDS)

    def _database_is_back(self) -> None:
        if self._database_is_down:
            logger.info("Can see what is due again")
        self._database_is_down = False


class Listener:
    """Hears NOTIFYs on a connection of its own, and bounds all queries of its process."""

    def __init__(self) -> None:
        connection_created.connect(_bound_statements)
        connections[Conf.ORM].close()  # to be opened anew, bounded
        self._hearing = connections.create_connection(Conf.ORM)
        with self._hearing.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def wait(self, bell: int, seconds: float) -> None:
        """Until a NOTIFY comes or the bell rings, at most so long."""
        connection = self._hearing.connection
        select.select([connection.fileno(), bell], [], [], max(seconds, 0))
        for _ in connection.notifies(timeout=0):
            pass

    def close(self) -> None:
        connection_created.disconnect(_bound_statements)
        self._hearing.close()


def _bound_statements(connection: BaseDatabaseWrapper, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")

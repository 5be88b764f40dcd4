"""Whether the site is ready, answered in time even by a database that does not answer."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread

from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from processes.heartbeat import workers_alive
from processes.invariants import oldest_due_seconds

logger = logging.getLogger("processes.health")

PATIENCE_SECONDS = 3.0
OVERDUE_SECONDS = 60.0


class Readiness:
    """One look at a time, in a thread with a connection of its own; who asks meanwhile shares it.

    That all migrations are applied is asked until it is so, and then no more.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._look: Future[dict[str, bool]] | None = None
        self._is_migrated = False
        self.checks: dict[str, Callable[[], bool]] = {
            "database": _answers,
            "migrations": self._migrated,
            "workers": workers_alive,
            "due": lambda: oldest_due_seconds() <= OVERDUE_SECONDS,
        }

    def ask(self, seconds: float = PATIENCE_SECONDS) -> dict[str, bool]:
        """Each check and whether it holds; what is not known in time does not."""
        try:
            return self._current_look().result(seconds)
        except TimeoutError:
            return self._nothing_holds()

    def _current_look(self) -> "Future[dict[str, bool]]":
        with self._lock:
            if self._look is None or self._look.done():
                look: Future[dict[str, bool]] = Future()
                Thread(target=self._run, args=[look], name="readiness", daemon=True).start()
                self._look = look
            return self._look

    def _run(self, look: "Future[dict[str, bool]]") -> None:
        told = self._nothing_holds()
        try:
            for name, check in self.checks.items():
                told[name] = _holds(name, check)
                if not told["database"]:
                    break
        finally:
            connections.close_all()
            look.set_result(told)

    def _nothing_holds(self) -> dict[str, bool]:
        return dict.fromkeys(self.checks, False)

    def _migrated(self) -> bool:
        if not self._is_migrated:
            executor = MigrationExecutor(connection)
            self._is_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return self._is_migrated


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception as error:  # whatever it is, it is not well
        logger.warning("The check of %s failed: %s", name, error)
        return False


def _answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


readiness = Readiness()

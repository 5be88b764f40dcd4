"""Starts workers as real processes against the test's database, and kills them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.db import connection

from tests.support.clock import DatabaseClock
from tests.support.sessions import wait_until

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 30
KILLED = -signal.SIGKILL


class Children:
    """The processes a test starts; none outlives it."""

    def __init__(self, clock: DatabaseClock) -> None:
        self._clock = clock
        self._clock_offset = 0.0
        self._started: list[subprocess.Popen] = []

    def advance(self, seconds: float) -> None:
        """Let so much time pass, here and for the children that are started from now on."""
        self._clock.advance(seconds)
        self._clock_offset += seconds

    def start_worker(self, *arguments: str) -> subprocess.Popen:
        return self.start("-m", "tests.scenarios.child_worker", *arguments)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Python with these arguments, in a process group of its own."""
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", *arguments],
            cwd=ROOT,
            env=self._environment(),
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        self._started.append(child)
        return child

    def work(self) -> int:
        """Run one worker until it is idle or dead; its exit code."""
        return self.start_worker().wait(PATIENCE_SECONDS)

    def work_despite_kills(self, seconds_between: float, most: int = 12) -> int:
        """Run one worker after the other until one survives; how many were killed."""
        for killed in range(most):
            exit_code = self.work()
            if exit_code == 0:
                return killed
            assert exit_code == KILLED
            self.advance(seconds_between)
        raise AssertionError(f"{most} workers were killed, one after the other")

    def kill_all(self) -> None:
        for child in self._started:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            child.wait(PATIENCE_SECONDS)

    def _environment(self) -> dict[str, str]:
        keys = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
        database = {key: connection.settings_dict[key] for key in keys}
        clock = f"-c commandbus.clock_offset={self._clock_offset}"
        database["OPTIONS"] = connection.settings_dict["OPTIONS"] | {"options": clock}
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.scenarios.child_settings",
            "TEST_DATABASE": json.dumps(database),
            "PYTHONPATH": str(ROOT),
        }


def wait_for_advisory_waiter(number: int) -> None:
    """Until some session waits for this advisory lock."""
    wait_until(lambda: _waiters(number) > 0, PATIENCE_SECONDS)


def _waiters(number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND objid = %s AND database = (SELECT oid FROM pg_database"
            " WHERE datname = current_database())",
            [number],
        )
        return cursor.fetchone()[0]

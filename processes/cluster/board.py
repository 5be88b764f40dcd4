"""The board: what the processes of one cluster tell each other, in shared memory without locks.

Each figure has one writer, and nobody waits for anything on the board, so that a process killed
at any moment does the others no harm.  A bell (a pipe) tells the pusher to look again.
"""

import contextlib
import ctypes
import os
import time
from multiprocessing.sharedctypes import RawArray, RawValue

from processes.cluster.lifeline import is_running

PUSHER_SILENCE_SECONDS = 10.0


class Place(ctypes.Structure):
    """What one worker tells.  The counts go on when a new process takes the place over."""

    _fields_ = (
        ("pid", ctypes.c_int64),  # written by the sentinel
        ("busy", ctypes.c_bool),
        ("works_taken", ctypes.c_int64),
        ("tasks_taken", ctypes.c_int64),
        ("tasks_finished", ctypes.c_int64),
        ("changed_at", ctypes.c_double),
    )


class Board:
    """Made before the cluster is started; every process of the cluster inherits it.

    *Works* are the tasks ``processes.tasks.work`` the broker gives out on its own account,
    *tasks* the ordinary ones of django-q2.
    """

    def __init__(self, workers: int) -> None:
        self.places = RawArray(Place, workers)
        self._sentinel_pid = RawValue(ctypes.c_int64, 0)
        self._monitor_pid = RawValue(ctypes.c_int64, 0)
        self._pusher_pid = RawValue(ctypes.c_int64, 0)
        self._condemned = RawValue(ctypes.c_bool, False)
        self._pusher_seen_at = RawValue(ctypes.c_double, time.monotonic())
        self._works_offered = RawValue(ctypes.c_int64, 0)
        self._tasks_offered = RawValue(ctypes.c_int64, 0)
        self.bell, self._rope = os.pipe()
        os.set_blocking(self.bell, False)
        os.set_blocking(self._rope, False)

    # The sentinel

    def sentinel_is(self, pid: int) -> None:
        self._sentinel_pid.value = pid

    def monitor_is(self, pid: int) -> None:
        self._monitor_pid.value = pid

    def pusher_is(self, pid: int) -> None:
        self._pusher_pid.value = pid

    def condemn(self) -> None:
        """Nothing more is given to this cluster."""
        self._condemned.value = True

    @property
    def condemned(self) -> bool:
        return self._condemned.value

    # A worker

    def start(self, place: Place) -> None:
        """A new process takes the place; the task its predecessor died with is over."""
        place.busy = False
        place.tasks_finished = place.tasks_taken

    def take(self, place: Place, is_work: bool) -> None:
        place.busy = True
        place.changed_at = time.monotonic()
        if is_work:
            place.works_taken += 1
        else:
            place.tasks_taken += 1
        self.ring()

    def finish(self, place: Place, is_work: bool) -> None:
        place.busy = False
        place.changed_at = time.monotonic()
        if not is_work:
            place.tasks_finished += 1
            self.ring()

    def ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it rings already
            os.write(self._rope, b"!")

    # The pusher

    def pusher_looks(self) -> None:
        self._pusher_seen_at.value = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            os.read(self.bell, 4096)

    def offer_work(self) -> None:
        self._works_offered.value += 1

    def offer_tasks(self, count: int) -> None:
        self._tasks_offered.value += count

    @property
    def work_is_waiting(self) -> bool:
        """Whether a work was offered that no worker has taken yet."""
        return self._works_offered.value > sum(place.works_taken for place in self.places)

    @property
    def open_tasks(self) -> int:
        """How many ordinary tasks are waiting for a worker or being run."""
        return self._tasks_offered.value - sum(place.tasks_finished for place in self.places)

    @property
    def last_change_seconds_ago(self) -> float | None:
        """Since a worker took or finished anything; None before the first time."""
        changed_at = max(place.changed_at for place in self.places)
        return time.monotonic() - changed_at if changed_at else None

    # The supervisor

    @property
    def busy(self) -> bool:
        """Whether a worker is in the middle of something."""
        return any(place.busy and is_running(place.pid) for place in self.places)

    def fault(self) -> str | None:
        """What looks wrong at this moment; it counts once it stays the same for some seconds."""
        others = [self._sentinel_pid, self._pusher_pid, self._monitor_pid]
        for pid in [place.pid for place in self.places] + [other.value for other in others]:
            if not is_running(pid):
                return f"process {pid} is gone or stopped"
        if time.monotonic() - self._pusher_seen_at.value > PUSHER_SILENCE_SECONDS:
            return "the pusher is silent"
        offered = self._works_offered.value + self._tasks_offered.value
        taken = sum(place.works_taken + place.tasks_taken for place in self.places)
        if taken < offered and not all(place.busy for place in self.places):
            return f"task {taken + 1} is not taken, although a worker is idle"
        return None

    def close(self) -> None:
        os.close(self.bell)
        os.close(self._rope)

"""``manage.py qcluster`` as a process of its own, and commands that keep its workers busy."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from processes.bus.models import Command
from processes.bus.sending import send_command
from processes.bus.states import CommandStatus
from tests.processes.workers import DOMAIN, WORKERS
from tests.support.sessions import wait_until

PATIENCE_SECONDS = 30.0


class QCluster:
    def __init__(self, log: Path) -> None:
        self._mark = uuid.uuid4().hex  # in the environment of all its processes
        self._log = log
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.processes.workers.site",
            "TEST_DATABASE": connection.settings_dict["NAME"],
            "COMMANDBUS_WORKERS": str(WORKERS),
            "QCLUSTER_MARK": self._mark,
        }
        with log.open("ab") as out:
            self.supervisor = psutil.Popen(
                [sys.executable, "manage.py", "qcluster"],
                cwd=settings.BASE_DIR,
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def processes(self) -> list[psutil.Process]:
        """All that live, whoever their parent is by now."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):
            ours = process.environ().get("QCLUSTER_MARK") == self._mark
            return ours and process.status() != psutil.STATUS_ZOMBIE
        return False

    def process(self, role: str) -> psutil.Process:
        """``supervisor``, ``sentinel``, ``worker 0`` and on, ``monitor`` or ``pusher``."""
        roles = ["supervisor", "sentinel", *(f"worker {n}" for n in range(WORKERS))]
        roles += ["monitor", "pusher"]  # in the order they are started
        running = wait_until(self._one_whole_cluster, PATIENCE_SECONDS)
        return running[roles.index(role)]

    def _one_whole_cluster(self) -> list[psutil.Process]:
        running = sorted(self.processes(), key=lambda process: process.pid)
        return running if len(running) == 1 + 1 + WORKERS + 2 else []

    def worker_with(self, pid: int, *, busy: bool) -> psutil.Process:
        """The worker with this process id, or the one (of two) with another."""
        workers = [self.process(f"worker {n}") for n in range(WORKERS)]
        return next(worker for worker in workers if (worker.pid == pid) == busy)

    def wait_for_exit(self) -> int:
        """The exit code; fails the test if a process is left."""
        code: int = self.supervisor.wait(PATIENCE_SECONDS)
        wait_until(lambda: not self.processes(), PATIENCE_SECONDS)
        return code

    def kill(self) -> None:
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.supervisor.wait()


def send(command_type: str, **data: Any) -> Command:
    return send_command(command_type, data, domain=DOMAIN)


def wait_until_completed(command: Command) -> Command:
    def completed() -> Command | None:
        return Command.objects.filter(pk=command.pk, status=CommandStatus.COMPLETED).first()

    done = wait_until(completed, PATIENCE_SECONDS)
    assert done is not None
    return done


def assert_works() -> None:
    """What is sent now is done soon."""
    wait_until_completed(send("Touch"))


class Hold:
    """A file by which a command or task tells who runs it, and learns when to go on."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / f"hold-{uuid.uuid4().hex}"

    def pids(self) -> list[int]:
        return [int(line) for line in self.file.read_text().split()] if self.file.exists() else []

    def wait_for_runs(self, number: int = 1) -> int:
        """The process id of the latest of so many runs."""
        wait_until(lambda: len(self.pids()) >= number, PATIENCE_SECONDS)
        return self.pids()[-1]

    def release(self) -> None:
        Path(f"{self.file}.released").touch()


StartQCluster = Callable[[], QCluster]

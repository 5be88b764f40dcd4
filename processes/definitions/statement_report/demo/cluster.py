"""The workers of the demo: a django-q2 cluster of its own, as ``manage.py qcluster`` starts it."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Self

from django.conf import settings

from processes.cluster.lifeline import die_with_parent

POLL_SECONDS = 0.2
STOP_SECONDS = 20
LOG_TAIL = 2_000


class DemoFailed(Exception):
    """The demo cannot go on; the message is the reason."""


class Cluster:
    def __init__(self) -> None:
        self.log = Path(settings.COMMANDBUS_STATEMENTS_DIR).parent / "demo-qcluster.log"

    def __enter__(self) -> Self:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "qcluster"]
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C reaches the demo, and the demo stops the cluster.
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509 - no threads yet
            )
        return self

    def work(self) -> None:
        """Give the workers a moment; raises DemoFailed if they are gone."""
        if self.process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-LOG_TAIL:]
            raise DemoFailed(f"The workers ended with code {self.process.returncode}:\n{tail}")
        time.sleep(POLL_SECONDS)

    def __exit__(self, *exc_info: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

"""The README's walk through the REST API, executed as written against a live server."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processes.definitions.statement_report.demo.story import SAMPLE_LEDGER
from processes.definitions.statement_report.loading import load_ledger
from processes.worker import run_until_idle
from tests.support.live import wait_until_alone
from tests.support.service import token_of
from tests.support.sessions import PATIENCE_SECONDS, wait_until

README = Path(__file__).resolve().parents[2] / "README.md"
MOST_LINES = 10
STEPS = """\
QUERY SUCCESS
AGGREGATE SUCCESS
RENDER SUCCESS
REGISTER SUCCESS
NOTIFY CANCELED
DEREGISTER SUCCESS
DELETE_RENDER SUCCESS
"""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl"),
]


@pytest.fixture
def walk(server, transactional_db, settings, tmp_path) -> Iterator[Callable[[], str]]:
    """``walk()`` runs the block with bash while the workers work; what it prints."""
    settings.COMMANDBUS_STATEMENTS_DIR = tmp_path
    load_ledger(SAMPLE_LEDGER)
    (block,) = re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(block.splitlines()) <= MOST_LINES
    told = {"BUS": server, "TOKEN": token_of("shop", "API services", "TSQ operators")}
    started = []

    def run() -> str:
        command = ["bash", "-euo", "pipefail", "-c", block]
        bash = subprocess.Popen(
            command,
            env=os.environ | told,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(bash)
        wait_until(lambda: _worked_until_ended(bash), 3 * PATIENCE_SECONDS)
        said, complained = bash.communicate()
        assert (bash.returncode, complained) == (0, ""), said
        return said

    yield run
    for bash in started:
        if bash.poll() is None:
            os.killpg(bash.pid, signal.SIGKILL)
            bash.communicate(timeout=PATIENCE_SECONDS)
    wait_until_alone()


def _worked_until_ended(bash: subprocess.Popen) -> bool:
    run_until_idle()
    return bash.poll() is not None


def test_it_ends_as_it_says(walk):
    assert walk().endswith(STEPS)

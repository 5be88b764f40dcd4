import os
import subprocess
import sys

import psutil
import pytest

from processes.cluster.lifeline import is_running
from tests.support.sessions import wait_until

A_PARENT_AND_ITS_CHILD = """
import os, sys, time
from processes.cluster import lifeline
lifeline.LOOK_SECONDS = 0.05
sys.platform = {platform!r}
parent = os.getpid()
if child := os.fork():
    os.waitpid(child, 0)
lifeline.die_with_parent({parent})
print(os.getpid(), flush=True)
time.sleep(60)
"""


def start(platform: str, parent: str) -> subprocess.Popen[str]:
    code = A_PARENT_AND_ITS_CHILD.format(platform=platform, parent=parent)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("platform", [sys.platform, "without prctl"])
def test_a_child_ends_with_its_parent(platform):
    with start(platform, "parent") as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_child_whose_parent_is_gone_already_ends_at_once():
    with start(sys.platform, "parent + 1") as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == ""


def test_a_living_process_is_running():
    assert is_running(os.getpid())


def test_no_process_is_running_before_it_has_an_id():
    assert not is_running(0)


def test_a_stopped_process_is_not_running():
    with subprocess.Popen(["sleep", "60"]) as process:
        stopped = psutil.Process(process.pid)
        stopped.suspend()
        wait_until(lambda: not is_running(process.pid))
        stopped.resume()
        wait_until(lambda: is_running(process.pid))
        process.kill()


def test_a_process_that_ended_is_not_running_whether_waited_for_or_not():
    with subprocess.Popen(["true"]) as process:
        wait_until(lambda: not is_running(process.pid))
        process.wait()
        assert not is_running(process.pid)

"""The commands as real processes: exit codes, a terminal, closed pipes, kills, no database."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from processes.models import OperatorAction
from tests.scenarios.children import Children
from tests.support.commands import manage
from tests.support.sessions import wait_until
from tests.tsq.bulk.conftest import park, stored
from tsq.bulk import running
from tsq.models import BulkItem, BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 30


@pytest.fixture
def children(transactional_db, clock) -> Iterator[Children]:
    children = Children(clock)
    yield children
    children.kill_all()


@pytest.fixture
def ran(children) -> Callable[..., subprocess.CompletedProcess]:
    """Run manage.py to its end."""

    def run(*arguments: object, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-W", "ignore", "manage.py", *map(str, arguments)]
        variables = children._environment() | options.pop("env", {})
        given = {"capture_output": True, "text": True, "timeout": PATIENCE_SECONDS} | options
        return subprocess.run(command, env=variables, check=False, **given)

    return run


def outcomes() -> list[str | None]:
    return list(BulkItem.objects.order_by("id").values_list("outcome", flat=True))


def test_exit_codes_tell_scripts_how_it_went(ran):
    (entry,) = park(1)
    assert ran("tsq", "retry", entry.pk, "--operator", "ann").returncode == 1
    wrong = ran("tsq", "retry", "--colour", "red")
    assert wrong.returncode == 2
    assert "unrecognized arguments: --colour" in wrong.stderr
    done = ran("tsq", "retry", entry.pk, "--yes", "--operator", "ann", "--format", "csv")
    assert (done.returncode, done.stdout) == (0, f"id,outcome,message\n{entry.pk},DONE,\n")
    assert done.stderr.endswith("Of 1: 1 done.\n")
    assert "INFO" not in done.stderr


def test_killed_half_way_and_resumed_each_item_is_done_once(children, clock):
    park(30)
    child = children.start(
        *("manage.py", "tsq", "cancel", "--all", "--reason", "no use", "--yes"),
        *("--rate", "10", "--operator", "ann"),
    )
    wait_until(lambda: outcomes().count("DONE") >= 10, PATIENCE_SECONDS)
    child.kill()
    child.wait(PATIENCE_SECONDS)
    assert 10 <= outcomes().count("DONE") < 30
    (operation,) = BulkOperation.objects.all()
    assert operation.status == BulkStatus.RUNNING

    BulkOperation.objects.update(rate=None)
    clock.advance(running.LEASE.total_seconds())
    assert manage("tsq", "resume", operation.pk).code == 0
    assert outcomes() == ["DONE"] * 30
    assert OperatorAction.objects.filter(action="cancel").count() == 30
    assert not TsqEntry.objects.exists()


def test_ctrl_c_pauses_it(children):
    park(30)
    child = children.start(
        *("manage.py", "tsq", "retry", "--all", "--yes", "--rate", "10", "--operator", "ann")
    )
    wait_until(lambda: outcomes().count("DONE") >= 10, PATIENCE_SECONDS)
    child.send_signal(signal.SIGINT)
    assert child.wait(PATIENCE_SECONDS) == 1
    assert stored(BulkOperation.objects.get()).status == BulkStatus.PAUSED
    assert 10 <= outcomes().count("DONE") < 30


@pytest.mark.parametrize(("typed", "code", "left"), [("yes\n", 0, 0), ("no\n", 1, 3)])
def test_at_a_terminal_it_asks(ran, typed, code, left):
    park(3)
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    arguments = ("tsq", "cancel", "--all", "--reason", "no use", "--operator", "ann")
    done = ran(*arguments, capture_output=False, stdin=theirs, stderr=theirs, stdout=-1)
    told = os.read(ours, 100_000).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code
    assert "TSQ entries to cancel: 3. Type yes to go on: " in told
    assert TsqEntry.objects.count() == left


def test_a_reader_that_has_gone_is_no_traceback(ran):
    park(1)
    reading, writing = os.pipe()
    os.close(reading)
    done = ran("tsq", "list", capture_output=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_database_that_is_away_is_told_in_a_line(ran):
    away = '{"HOST": "127.0.0.1", "PORT": "1", "NAME": "nowhere"}'
    for command in (("tsq", "list"), ("commandbus", "status")):
        done = ran(*command, env={"TEST_DATABASE": away})
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("CommandError: The database does not answer: ")
        assert len(done.stderr.splitlines()) == 1

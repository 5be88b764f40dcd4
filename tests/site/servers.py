"""Embedded servers of the tests' own, and ways to treat them badly."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import psycopg

from commandbus_site.embedded_postgres.server import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
START = """
import sys
from pathlib import Path
from commandbus_site.embedded_postgres.server import EmbeddedPostgres
EmbeddedPostgres(Path(sys.argv[1])).ensure_running()
"""


def connect(server: EmbeddedPostgres) -> psycopg.Connection:
    return psycopg.connect(
        host=str(server.socket_folder),
        port=5432,
        user="commandbus",
        dbname="postgres",
        autocommit=True,
    )


def ask(server: EmbeddedPostgres, query: str) -> object:
    with connect(server) as connection:
        return connection.execute(query).fetchone()[0]


def start_in_new_process(var: Path) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", START, str(var)], cwd=ROOT)


def crash(server: EmbeddedPostgres) -> None:
    """Kill the server as a power cut would, and wait until nothing of it is left."""
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with server._try_lock() as lock:
            if lock is not None:
                return
        time.sleep(0.02)
    raise AssertionError("the server's processes did not end")


def give_its_process_id_to(pid: int, server: EmbeddedPostgres) -> None:
    for path in (server.data / "postmaster.pid", server.socket_folder / ".s.PGSQL.5432.lock"):
        _, rest = path.read_text().split("\n", 1)
        path.write_text(f"{pid}\n{rest}")


def modes_up_to_root(path: Path) -> dict[Path, int]:
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (path, *path.parents)}


def run_as(uid: int, gid: int, function: Callable[[], None]) -> int | None:
    """Run it in a child process that is this user; its exit code."""

    def become_and_run() -> None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        function()

    child = get_context("fork").Process(target=become_and_run)
    child.start()
    child.join()
    return child.exitcode

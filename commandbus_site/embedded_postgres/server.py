"""Start and stop one embedded PostgreSQL server."""

import fcntl
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg import conninfo

from commandbus_site.embedded_postgres import places
from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError

PATIENCE_SECONDS = 60
SUPERUSER = "commandbus"
SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}


class EmbeddedPostgres:
    """The server whose data lie under ``var/postgres``.

    Whoever starts it takes the lock, and the server inherits it: as long as any of its processes
    lives the lock is held, so no process id, which may belong to another program by now, has to be
    trusted to know whether it runs.
    """

    def __init__(self, var: Path) -> None:
        self.var = var

    @cached_property
    def home(self) -> Path:
        return places.home(self.var)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def socket_folder(self) -> Path:
        return places.socket_folder(self.home)

    def ensure_running(self) -> None:
        """Return once the server takes connections; takes next to no time when it already does."""
        places.prepare_socket_folder(self.home)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._is_ready():
            with self._try_lock() as lock:
                if lock is not None:
                    self._start(lock)
                elif time.monotonic() > deadline:
                    raise EmbeddedPostgresError(f"PostgreSQL does not answer.{self._log_tail()}")
                else:
                    time.sleep(0.05)

    def stop(self) -> None:
        if not self._exists():
            return
        with self._try_lock() as lock:
            if lock is None:
                self._run("pg_ctl", "stop", "--mode=fast", "--wait", "--pgdata=data")

    def stop_if_unused(self) -> None:
        """Stop it unless another process is connected."""
        if self._exists() and self._is_ready() and not self._has_other_clients():
            self.stop()

    def remove(self) -> None:
        """Stop the server and delete its data."""
        if not self._exists():
            return
        self.stop()
        shutil.rmtree(self.home)
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        (self.var / "postgres").unlink(missing_ok=True)

    def _exists(self) -> bool:
        return (self.var / "postgres").exists()

    def _is_ready(self) -> bool:
        """Someone listens on the socket, and the server says it has finished starting."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            if probe.connect_ex(str(self.socket_folder / places.SOCKET_NAME)) != 0:
                return False
        try:
            status = (self.data / "postmaster.pid").read_text().splitlines()[7]
        except (FileNotFoundError, IndexError):
            return False
        return status.strip() == "ready"

    @contextmanager
    def _try_lock(self) -> Iterator[int | None]:
        """The lock's file descriptor, or None when a server, or someone starting one, has it."""
        descriptor = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
        finally:
            os.close(descriptor)

    def _start(self, lock: int) -> None:
        if not self.data.exists():
            self._initialise()
        self._forget_crashed_server()
        settings = SERVER_SETTINGS | {"unix_socket_directories": str(self.socket_folder)}
        options = shlex.join(f"--{name}={value}" for name, value in settings.items())
        self._run(
            *("pg_ctl", "start", "--wait", f"--timeout={PATIENCE_SECONDS}"),
            *("--pgdata=data", "--log=server.log", f"--options={options}"),
            inherit=(lock,),
        )

    def _initialise(self) -> None:
        # Under another name first: data that exist are data that are complete.
        shutil.rmtree(self.home / "new", ignore_errors=True)
        self._run(
            *("initdb", "--pgdata=new", f"--username={SUPERUSER}", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
            *("--auth-local=trust", "--auth-host=reject"),  # only the home's owner and root get in
        )
        (self.home / "new").rename(self.data)

    def _forget_crashed_server(self) -> None:
        # PostgreSQL would refuse to start if a process id in these files is in use by another
        # program of the same user. We hold the lock, so no server is alive.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        (self.socket_folder / f"{places.SOCKET_NAME}.lock").unlink(missing_ok=True)

    def _has_other_clients(self) -> bool:
        query = (
            "SELECT FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
        )
        address = conninfo.make_conninfo(
            host=str(self.socket_folder), port=5432, user=SUPERUSER, dbname="postgres"
        )
        try:
            with psycopg.connect(address) as connection:
                return connection.execute(query).rowcount > 0
        except psycopg.OperationalError:  # there are too many, or someone else is stopping it
            return True

    def _run(self, program: str, *arguments: str, inherit: tuple[int, ...] = ()) -> None:
        """Run a program of PostgreSQL as the server's user, whatever the caller's PG* and LC_*."""
        account = places.server_account(self.home)
        result = subprocess.run(
            [places.programs() / program, *arguments],
            cwd=self.home,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            pass_fds=inherit,
            check=False,
            **account,
        )
        if result.returncode != 0:
            raise EmbeddedPostgresError(
                f"{program} failed: {result.stdout}{result.stderr}{self._log_tail()}"
            )

    def _log_tail(self) -> str:
        log = self.home / "server.log"
        if not log.exists():
            return ""
        lines = log.read_text(errors="replace").splitlines()[-10:]
        return "\n".join([f"\nThe last lines of {log}:", *lines])

"""A server of this process that real clients ask over HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from tests.support.sessions import wait_until


@contextmanager
def serving() -> Iterator[str]:
    """The server's address.  Its middleware is made, and reads the settings, when it starts."""
    with override_settings(SECURE_SSL_REDIRECT=False):
        server = LiveServer("localhost")
    yield server.url
    server.stop()


def wait_until_alone() -> None:
    """Until no request of the server is at work, nor another session of the database left.

    A long poll has no session between its looks, so that the sessions alone do not tell.
    """
    wait_until(lambda: not _requests_at_work() and _is_alone())


def _requests_at_work() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if "process_request" in thread.name]


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return cursor.fetchone() == (0,)

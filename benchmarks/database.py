"""A database of the benchmarks' own, beside the configured one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from django.core.management import call_command
from django.db import connection


@contextmanager
def own_database(name: str) -> Iterator[dict[str, str]]:
    """A migrated one, dropped at the end; yields the environment that points to it."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    home = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0)
        yield os.environ | {"DATABASE_URL": _url(connection.settings_dict)}
    finally:
        connection.close()
        connection.settings_dict["NAME"] = home
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _url(database: dict[str, str]) -> str:
    """The database's address; a HOST that is a folder (of a socket) is part of the path."""
    user = quote(database["USER"], safe="")
    password = f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    host, port = database["HOST"], database["PORT"]
    server = f"/{host}" if host.startswith("/") else f"{host}:{port or 5432}"
    return f"postgres://{user}{password}@{server}/{database['NAME']}"

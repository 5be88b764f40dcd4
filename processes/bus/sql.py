"""Runs the named set-based statements: prepared once per connection, bound on the server."""

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def run(statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Execute ``statement`` on this thread's connection and return its rows.

    Goes past Django's cursor, which binds on the client and so can prepare nothing; errors are
    Django's all the same.  Lists are bound as PostgreSQL arrays.
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    raw = connection.connection
    raw.prepare_threshold = 0
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as the arrays that ``unnest`` takes, one per column."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]

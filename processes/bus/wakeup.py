"""Waking the workers: one NOTIFY per transaction that makes work due."""

from django.db import connection

CHANNEL = "commandbus"


def wake_workers() -> None:
    """Tell waiting workers that something is due; they hear of it when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])

"""A hand on the database's clock, for tests that let an hour pass."""

from datetime import datetime
from typing import Self

from django.db import connection
from django.db.backends.signals import connection_created

from processes.bus import sql

_SET_OFFSET = "SELECT set_config('commandbus.clock_offset', %s, false)"


class DatabaseClock:
    """Moves ``bus_now()`` for the current connection and every one opened afterwards."""

    def __init__(self) -> None:
        self._offset = 0.0

    def __enter__(self) -> Self:
        connection_created.connect(self._tell_new_connection)
        return self

    def __exit__(self, *_: object) -> None:
        connection_created.disconnect(self._tell_new_connection)
        self._offset = 0.0
        self._tell(connection)

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass; a fraction counts too."""
        self._offset += seconds
        self._tell(connection)

    def now(self) -> datetime:
        """What ``bus_now()`` says."""
        ((now,),) = sql.run("SELECT bus_now()")
        return now

    def _tell_new_connection(self, connection, **_: object) -> None:
        self._tell(connection)

    def _tell(self, connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_SET_OFFSET, [f"{self._offset} seconds"])

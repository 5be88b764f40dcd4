"""The database backend that starts the embedded PostgreSQL when the first connection needs it."""

from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base

from commandbus_site import embedded_postgres
from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        # Before every connection, not once: a server that was killed is back for the next one.
        try:
            embedded_postgres.ensure_running()
        except (EmbeddedPostgresError, OSError) as error:
            raise OperationalError(str(error)) from error
        return super().get_connection_params()

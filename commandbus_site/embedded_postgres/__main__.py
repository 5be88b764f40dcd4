"""The embedded PostgreSQL by hand.

python -m commandbus_site.embedded_postgres stop
python -m commandbus_site.embedded_postgres remove         stop it and delete its data
python -m commandbus_site.embedded_postgres run COMMAND    stop it after COMMAND, if unused
"""

import signal
import subprocess
import sys

from commandbus_site.embedded_postgres import server
from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError


def main(arguments: list[str]) -> None:
    match arguments:
        case ["stop"]:
            server.stop()
        case ["remove"]:
            server.remove()
        case ["run", *command] if command:
            sys.exit(run(command))
        case _:
            sys.exit(__doc__)


def run(command: list[str]) -> int:
    with subprocess.Popen(command) as child:
        # Ctrl-C reaches the child from the terminal; a SIGTERM reaches only us.
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    server.stop_if_unused()
    return child.returncode


try:
    main(sys.argv[1:])
except (EmbeddedPostgresError, OSError) as error:
    sys.exit(f"The embedded PostgreSQL: {error}")

"""``python -m commandbus_site.embedded_postgres stop|stop-if-unused|remove``"""

import argparse
import sys

from commandbus_site.embedded_postgres import server
from commandbus_site.embedded_postgres.errors import EmbeddedPostgresError

ACTIONS = {
    "stop": server.stop,
    "stop-if-unused": server.stop_if_unused,
    "remove": server.remove,
}

parser = argparse.ArgumentParser(prog="python -m commandbus_site.embedded_postgres")
parser.add_argument("action", choices=ACTIONS)

try:
    ACTIONS[parser.parse_args().action]()
except (EmbeddedPostgresError, OSError) as error:
    sys.exit(f"The embedded PostgreSQL: {error}")

"""Settings of the processes that tests start: the test's own database, clock and definitions."""

import json
import os

from commandbus_site.settings import *  # noqa: F403
from commandbus_site.settings import DATABASES

DATABASES["default"] |= json.loads(os.environ["TEST_DATABASE"])
COMMANDBUS_DEFINITIONS = ["tests.scenarios.trip"]

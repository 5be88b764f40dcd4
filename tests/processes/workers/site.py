"""Settings of the clusters that tests start: the site's own, on the test's database."""

import os

from commandbus_site.settings import *  # noqa: F403
from commandbus_site.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
COMMANDBUS_DEFINITIONS = ["tests.processes.workers"]

"""The site's settings with what the fuzzed site knows in the place of the worked example."""

from commandbus_site.settings import *  # noqa: F403

COMMANDBUS_DEFINITIONS = ["tests.fuzz.known"]

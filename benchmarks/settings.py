"""The site's settings with the benchmark's process instead of the worked example."""

from commandbus_site.settings import *  # noqa: F403

COMMANDBUS_DEFINITIONS = ["benchmarks.noop"]

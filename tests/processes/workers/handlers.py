"""Commands for clusters under test; imported there, never by the tests themselves."""

import os
import time
from pathlib import Path

from processes.bus.handlers import CommandMessage, command_handler
from tests.processes.workers import BRIEF_LEASE_SECONDS, DOMAIN


@command_handler("Touch", domain=DOMAIN)
def touch(message: CommandMessage) -> None:
    """Do nothing; that it was done shows on the command."""


@command_handler("Hold", domain=DOMAIN)
def hold(message: CommandMessage) -> None:
    keep_busy(message.data["file"])


@command_handler("HoldBriefly", domain=DOMAIN, lease=BRIEF_LEASE_SECONDS)
def hold_briefly(message: CommandMessage) -> None:
    keep_busy(message.data["file"])


def keep_busy(file: str) -> None:
    """Write down the process id and wait to be released.  Also an ordinary task by itself."""
    with Path(file).open("a") as lines:
        lines.write(f"{os.getpid()}\n")
    while not Path(file + ".released").exists():
        time.sleep(0.01)

"""``manage.py demo``: the worked example on real workers, checked at the end."""

import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from processes.definitions.statement_report.demo.cluster import Cluster, DemoFailed
from processes.definitions.statement_report.demo.story import SAMPLE_LEDGER, tell
from processes.definitions.statement_report.ledger_file import LedgerError

PLAIN_WIDTH = 120


class Command(BaseCommand):
    help = (
        "Makes a statement for every account of a ledger, lets some fail, resolves them as an "
        "operator would, and checks the outcome."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--ledger",
            type=Path,
            default=SAMPLE_LEDGER,
            help="CSV file as load_ledger takes it (default: the sample that comes along)",
        )

    def handle(self, *, ledger: Path, **options: Any) -> None:
        # Stopped from outside, the demo must still stop its workers.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        console = Console(highlight=False, markup=False)
        if not console.is_terminal:
            console.width = PLAIN_WIDTH
        try:
            tell(ledger, Cluster(), console)
        except (DemoFailed, LedgerError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the workers are stopped.", returncode=130) from None

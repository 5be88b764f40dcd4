"""``manage.py work --until-idle``: one worker in this process, for cron and one-off repair."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from processes.worker import request_stop, run_until_idle


class Command(BaseCommand):
    help = "Deliver commands and handle replies in this process (qcluster does it all the time)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--until-idle", action="store_true", required=True, help="end when nothing is due"
        )
        parser.add_argument("--max-seconds", type=float, help="end after so long in any case")

    def handle(self, *args: Any, **options: Any) -> None:
        for stop_signal in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop_signal, lambda *_: request_stop())
        handled = run_until_idle(options["max_seconds"])
        self.stdout.write(f"{handled} commands and replies handled")

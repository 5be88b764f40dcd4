"""``manage.py qcluster``: the workers.  Takes the place of django-q2's command of that name."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from processes.cluster.supervisor import Supervisor


class Command(BaseCommand):
    help = (
        "Runs the workers until SIGTERM or SIGINT, which lets them finish what they are doing; "
        "a second signal ends them at once."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not Supervisor().run():
            sys.exit(1)

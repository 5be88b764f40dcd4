"""A worker in an operating system process of its own, to be killed: ``python -m`` this module.

Works until nothing is due, or with ``--to-the-end`` until every process has ended.
"""

import sys

import django


def main() -> None:
    django.setup()
    from processes.models import Process  # noqa: PLC0415
    from processes.states import TERMINAL_STATUSES  # noqa: PLC0415
    from processes.worker import run_until_idle  # noqa: PLC0415

    run_until_idle()
    while "--to-the-end" in sys.argv and Process.objects.exclude(status__in=TERMINAL_STATUSES):
        run_until_idle()


if __name__ == "__main__":
    main()

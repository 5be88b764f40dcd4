"""How fast are the operators' pages on a site that has run for a month?

    python -m benchmarks.console [--ms 200] [--queries 12]

Uses a database of its own, made and dropped beside the configured one, and fills it first (see
``console_data``).  Asks for every page of the console through Django's test client, real templates
included, and prints the median server time and the number of queries of each; exit code 1 when
one takes more than the limits.
"""

import argparse
import os
import sys
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"

import django

from benchmarks.database import own_database


def main() -> None:
    options = _options()
    django.setup()
    with own_database("commandbus_console"):
        started = time.perf_counter()
        from benchmarks.console_data import fill

        fill()
        print(f"Filled in {time.perf_counter() - started:.0f} s.")
        bad = sum([measure(who, options) for who in ("everything", "two domains")])
    print(f"{bad} pages are over {options.ms} ms or {options.queries} queries, or not answered.")
    sys.exit(1 if bad else 0)


def measure(who: str, options: argparse.Namespace) -> int:
    """Print what each page costs somebody who sees so much; returns how many are not good."""
    from benchmarks.console_pages import pages_seen_by

    print(f"\nAn operator who sees {who}:\n{'ms':>8} {'queries':>8}  page")
    bad = 0
    for page in pages_seen_by(_client(who)):
        over = page.milliseconds > options.ms or page.queries > options.queries
        is_bad = over or page.status >= 400
        bad += is_bad
        mark = f"  <-- {'over' if over else page.status}" if is_bad else ""
        print(f"{page.milliseconds:8.0f} {page.queries:8}  {page.address}{mark}", flush=True)
    return bad


def _client(who: str) -> "django.test.Client":
    from django.contrib.auth.models import Permission, User
    from django.test import Client, override_settings

    from processes.models import DomainLimit

    override_settings(SECURE_SSL_REDIRECT=False, ALLOWED_HOSTS=["testserver"]).enable()
    limited = who == "two domains"
    user = User.objects.create_user(who, is_staff=True, is_superuser=not limited)
    if limited:
        ours = Permission.objects.filter(content_type__app_label__in=["tsq", "processes", "bus"])
        user.user_permissions.set(ours)
        for domain in ("benchmark", "shipping"):
            DomainLimit.objects.create(user=user, domain=domain)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ms", type=float, default=200, help="the most a page may take")
    parser.add_argument("--queries", type=int, default=12, help="the most a page may ask")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Takes the screenshots of the operators' guide: ``make screenshots``.

On a database of its own, filled with the orders of a shop that had a bad day (``docs.shop``).
"""

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "commandbus_site.settings"
os.environ["COMMANDBUS_HTTPS"] = "off"

import django
from django.db import connection
from playwright.sync_api import Page, sync_playwright

from benchmarks.database import own_database

FOLDER = Path(__file__).parent / "screenshots"
SIZE = {"width": 1280, "height": 860}
ORDERS_BY_HOURS_AGO = {23: 14, 20: 8, 17: 21, 12: 11, 9: 30, 5: 42, 3: 33, 2: 52, 1: 18, 0: 10}
CLOSE_DETAILS = "() => document.querySelectorAll('details').forEach((d) => { d.open = false; })"


def main() -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("The screenshots need chromium; there is none here.")
    django.setup()
    with own_database("commandbus_screenshots"):
        session, entry = fill()
        with served() as site, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for scheme in ("light", "dark"):
                context = browser.new_context(
                    base_url=site, viewport=SIZE, color_scheme=scheme, reduced_motion="reduce"
                )
                context.add_cookies([{"name": "sessionid", "value": session, "url": site}])
                take(context.new_page(), entry, scheme)
                context.close()
            browser.close()


def take(page: Page, entry: str, scheme: str) -> None:
    """The guide shows the light ones and one dark one."""
    pages = {
        "home": "/admin/",
        "entries": "/admin/tsq/tsqentry/",
        "entry": f"/admin/tsq/tsqentry/{entry}/change/",
    }
    for name, address in pages.items():
        if (name == "entry") == (scheme == "dark"):
            page.goto(address, wait_until="networkidle")
            page.evaluate(CLOSE_DETAILS)  # a traceback names folders of this machine
            page.screenshot(path=FOLDER / f"{name}.png")


def fill() -> tuple[str, str]:
    """A day of orders; returns the session of an operator, and an entry to show."""
    from django.contrib.auth.models import User
    from django.test import Client

    from docs import shop
    from processes.engine import start_processes
    from processes.models import WorkerHeartbeat
    from processes.worker import run_until_idle
    from tsq import care
    from tsq.models import TsqEntry

    numbers = itertools.count(1)
    for hours, orders in ORDERS_BY_HOURS_AGO.items():
        with connection.cursor() as cursor:
            ago = f"{-hours} hours"
            cursor.execute("SELECT set_config('commandbus.clock_offset', %s, false)", [ago])
        placed = itertools.islice(numbers, orders)
        data = [{"number": number, "amount": f"{number * 3}.90"} for number in placed]
        start_processes(shop.Orders.process_type, data)
        run_until_idle()
    WorkerHeartbeat.objects.create(host="worker-1", pid=1, workers=4)
    ann = User.objects.create_superuser("ann")
    client = Client()
    client.force_login(ann)
    shown = TsqEntry.objects.filter(last_error_code="NO_CARRIER").latest("parked_at")
    for entry in [shown, *TsqEntry.objects.order_by("parked_at")[:3]]:
        care.claim(entry.pk, operator="bob")
    care.add_note(shown.pk, operator="bob", text="Asked the customer for the postcode.")
    return client.cookies["sessionid"].value, str(shown.pk)


@contextmanager
def served() -> Iterator[str]:
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread

    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    yield f"http://localhost:{server.port}"
    server.terminate()


if __name__ == "__main__":
    main()

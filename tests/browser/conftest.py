"""The console in a real Chromium: a live server, a browser, and people who are logged in."""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from playwright import sync_api
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer

from processes.worker import run_until_idle
from tests.browser.elsewhere import Elsewhere
from tests.browser.visitors import Visitor
from tests.support.behaviours import permanent, succeed
from tests.support.console import EVERYTHING, Console
from tests.support.three_steps import Story
from tsq.models import TsqEntry

FOLDER = Path(__file__).parent
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
PATIENCE_MS = 10_000
CHROMIUM = shutil.which("chromium")
NEVER_SKIPPED = os.environ.get("COMMANDBUS_BROWSER_TESTS") == "required"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if FOLDER in item.path.parents]
    if ours and NEVER_SKIPPED and not CHROMIUM:
        raise pytest.UsageError("The browser tests are required, and there is no chromium.")
    for item in ours:
        item.add_marker(pytest.mark.browser)
        if not CHROMIUM:
            item.add_marker(pytest.mark.skip(reason="there is no chromium"))


@pytest.fixture(scope="package")
def site(django_db_setup: None) -> Iterator[str]:
    """The address of a server that lets pages load and run nothing but files of its own."""
    strict = "tests.browser.strict.content_security_policy"
    with override_settings(
        SECURE_SSL_REDIRECT=False,
        SESSION_COOKIE_SECURE=False,
        CSRF_COOKIE_SECURE=False,
        MIDDLEWARE=[strict, *settings.MIDDLEWARE],
    ):
        server = LiveServer("localhost")
        yield server.url
        server.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Elsewhere]:
    with ThreadPoolExecutor(1, thread_name_prefix="browser") as thread:
        playwright = Elsewhere(sync_playwright(), thread).start()
        sync_api.expect.set_options(timeout=PATIENCE_MS)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()
        playwright.stop()


@pytest.fixture
def visit(
    transactional_db: None, site: str, browser: Elsewhere
) -> Iterator[Callable[..., Elsewhere]]:
    """``visit("ann", *permissions, **context)``: a page at the console of somebody logged in.

    Without a name nobody is logged in.  The test fails if any page had an error.
    """
    visitors: list[Visitor] = []

    def come(username: str = "", *permissions: str, **context: object) -> Elsewhere:
        visitor = Visitor(browser.new_context(base_url=site, **context), site)
        visitor.context.set_default_timeout(PATIENCE_MS)
        visitors.append(visitor)
        if username:
            visitor.log_in(Console(*(permissions or EVERYTHING), username=username))
        return visitor.page

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [problem for visitor in visitors for problem in visitor.problems] == []


@pytest.fixture
def park(transactional_db: None, story: Story) -> Callable[[int], list[TsqEntry]]:
    """``park(3)``: so many processes parked at step C, whose handler would succeed next time."""

    def some(number: int = 1) -> list[TsqEntry]:
        story.on("C", permanent("DISK_FULL", "No space left"))
        started = [process.pk for process in story.start_many(number)]
        run_until_idle()
        story.on("C", succeed({"did": "C"}))
        return list(TsqEntry.objects.filter(correlation_id__in=started))

    return some

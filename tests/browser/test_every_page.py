"""Every page of the console that links lead to: usable by everybody, on a phone as well."""

import re
from collections import deque
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User

from processes.audit import Operator
from processes.bus.clock import BusNow
from processes.heartbeat import WorkerHeartbeat
from processes.states import OperatorVerb
from processes.worker import run_until_idle
from tests.browser.accessibility import grave_violations, sticking_out
from tests.browser.elsewhere import Elsewhere
from tests.factories import CommandFactory
from tests.support.behaviours import business, permanent, succeed
from tsq import bulk, operations
from tsq.models import TsqEntry

WIDTHS = (1280, 390)
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|(?<=/)\d+(?=/)")
_NOT_OURS = re.compile(r"/(auth|django_q|r|jsi18n|logout|password_change)/|csv|export")
_LINKS = "() => [...document.querySelectorAll('a[href]')].map((link) => link.href)"


@pytest.fixture
def eventful_site(park, story, settings) -> None:
    """Entries, a process of each fate, a command without code, and a worker."""
    settings.DEBUG = False
    first, *_ = park(3)
    operations.cancel(first.pk, operator="bob", reason="The customer left", seen=first.deliveries)
    story.on("B", business("REFUSED", "The account is closed"))
    story.start()
    run_until_idle()
    story.on("B", succeed({"did": "B"}))
    story.on("UNDO_A", permanent("GONE", "There is nothing to undo"))
    (second,) = park(1)
    operations.cancel(second.pk, operator="bob", reason="Again", seen=second.deliveries)
    run_until_idle()
    CommandFactory(command_type="Unheard", handler_missing_since=BusNow())
    WorkerHeartbeat.objects.create(host="worker-1", pid=17, workers=2)


def test_no_page_is_hard_to_use_or_scrolls_sideways(visit, eventful_site):
    page = visit("root")
    User.objects.filter(username="root").update(is_superuser=True)

    draft = bulk.choose(OperatorVerb.CANCEL, TsqEntry.objects.all(), Operator("root"), {})
    confirmation = f"/admin/tsq/bulkoperation/{draft.pk}/confirm/"

    found = [f"{a}: {trouble}" for a in pages(page, confirmation) for trouble in troubles(page)]

    assert not found, "\n".join(found)


def pages(page: Elsewhere, *unlinked: str) -> Iterator[str]:
    """Open one page of each shape, in turn, and those that no link leads to."""
    waiting = deque(["/admin/", *unlinked])
    seen = {_shape(address) for address in waiting}
    while waiting:
        address = waiting.popleft()
        page.goto(address)
        yield address
        for link in map(urlsplit, page.evaluate(_LINKS)):
            found = link._replace(scheme="", netloc="", fragment="").geturl()
            is_ours = link.path.startswith("/admin/") and not _NOT_OURS.search(found)
            if is_ours and _shape(found) not in seen:
                seen.add(_shape(found))
                waiting.append(found)


def troubles(page: Elsewhere) -> Iterator[str]:
    yield from grave_violations(page)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        yield from (f"{width} px: {element}" for element in sticking_out(page))


def _shape(address: str) -> str:
    """The page without its ids, and of a list only whether it is filtered."""
    parts = urlsplit(address)
    names = [name for name, _ in parse_qsl(parts.query)]
    is_filtered = any(name not in {"o", "p", "_changelist_filters"} for name in names)
    return f"{_ID.sub('…', parts.path)}{'?filtered' if is_filtered else ''}"

"""The pages of the console, found by following the links, and what each costs."""

import re
import statistics
import time
from collections import Counter, deque
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

TIMES_MEASURED = 5
SLOW_IS_ENOUGH_MS = 1000  # not measured so often again
OF_A_SHAPE = 2  # addresses that differ only in ids and values
SEARCHES = ("refused", "CODE_7", "no-such-thing", "b0a7c3e1-0000-4000-8000-000000000000")
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|(?<=/)\d+(?=/)")
_ELSEWHERE = re.compile(r"/(auth|django_q|logout|password_change|jsi18n)/|\.csv|export")


class Page(NamedTuple):
    address: str
    status: int
    milliseconds: float
    queries: int


def pages_seen_by(client: Client) -> Iterator[Page]:
    """The metrics, and every page that links lead to from the admin's home, a few of each shape.

    What a filtered list links to is not followed: filters upon filters have no end.
    """
    first = [reverse("metrics"), reverse("admin:index")]
    seen = Counter(dict.fromkeys(first, OF_A_SHAPE))
    waiting = deque(first)
    while waiting:
        address = waiting.popleft()
        content, page = _measured(client, address)
        yield page
        if urlsplit(address).query:
            continue
        for found in _links(content, address):
            if seen[_shape(found)] < OF_A_SHAPE and found not in seen:
                seen[_shape(found)] += 1
                seen[found] = OF_A_SHAPE
                waiting.append(found)


def _measured(client: Client, address: str) -> tuple[str, Page]:
    response = client.get(address)  # unmeasured: it compiles the templates
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    asked = len(queries)  # the next request forgets them
    times: list[float] = []
    while len(times) < TIMES_MEASURED and not (times and times[0] > SLOW_IS_ENOUGH_MS):
        started = time.perf_counter()
        client.get(address)
        times.append((time.perf_counter() - started) * 1000)
    is_page = not response.streaming and "text/html" in response.headers.get("Content-Type", "")
    content = response.content.decode() if is_page else ""
    return content, Page(address, response.status_code, statistics.median(times), asked)


def _links(content: str, address: str) -> list[str]:
    parser = _Links()
    parser.feed(content)
    found = parser.found
    if parser.searches:
        found += [f"?q={search}" for search in SEARCHES]
    absolute = (urlsplit(urljoin(address, link)) for link in found)
    ours = [link for link in absolute if not link.netloc and link.path.startswith("/admin/")]
    return [
        link._replace(fragment="").geturl() for link in ours if not _ELSEWHERE.search(link.path)
    ]


def _shape(address: str) -> str:
    """The address without ids; searches count as different from each other."""
    parts = urlsplit(address)
    asked = sorted(
        f"q={v}" if k == "q" else k
        for k, v in parse_qsl(parts.query, True)
        if k != "_changelist_filters"
    )
    return _ID.sub("…", parts.path) + "?" + "&".join(asked)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.searches = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "a" and attributes.get("href"):
            self.found.append(attributes["href"] or "")
        self.searches |= tag == "input" and attributes.get("name") == "q"

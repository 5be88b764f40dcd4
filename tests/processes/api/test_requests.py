"""Every request has an id, which is answered and logged; one line each, with nothing secret."""

import logging
import re
from typing import Any

import pytest

from tests.support.service import PROCESSES
from tests.support.three_steps import PROCESS_TYPE

pytestmark = pytest.mark.django_db

MADE = re.compile("[0-9a-f]{32}")


def test_the_callers_own_id_is_kept(service):
    assert service.get(PROCESSES, x_request_id="order-4711/a.b:c")["X-Request-ID"] == (
        "order-4711/a.b:c"
    )


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\x00", "\u00e4", "<script>", "a\tb"])
def test_one_that_will_not_do_is_replaced(service, given):
    assert MADE.fullmatch(service.get(PROCESSES, x_request_id=given)["X-Request-ID"])


def test_pages_of_the_console_have_one_too(client, settings):
    assert MADE.fullmatch(client.get("/admin/login/")["X-Request-ID"])


class TestLog:
    @pytest.fixture
    def lines(self, caplog) -> Any:
        caplog.set_level(logging.INFO)
        return lambda: [record.getMessage() for record in caplog.records]

    def test_each_request_has_one_line(self, service, story, lines):
        body = {"process_type": PROCESS_TYPE, "data": {"password": "secret"}}
        service.post(PROCESSES, body, key="secret-key")
        service.get(f"{PROCESSES}?search=secret")
        service.get(f"{PROCESSES}/nope")
        expected = [
            rf"POST {PROCESSES} 201 \d+ ms shop",
            rf"GET {PROCESSES} 200 \d+ ms shop",
            rf"GET {PROCESSES}/nope 404 \d+ ms -",
        ]
        assert len(lines()) == len(expected)
        for line, pattern in zip(lines(), expected, strict=True):
            assert re.fullmatch(pattern, line)

    def test_it_carries_the_requests_id(self, service, caplog, lines):
        service.get(PROCESSES, x_request_id="r-1")
        (record,) = caplog.records
        assert record.request.request_id == "r-1"
        assert record.levelname == "INFO"

    def test_nobody_writes_lines_of_their_own_into_it(self, service, lines):
        service.get("/api/a%0ab%1b%E2%80%A8c")
        (line,) = lines()
        assert re.fullmatch(r"GET /api/a%0Ab%1B%E2%80%A8c 404 \d+ ms -", line)

    def test_the_console_logs_nothing_there(self, client, lines):
        client.get("/admin/login/")
        assert lines() == []

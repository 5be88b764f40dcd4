"""Lists by cursor."""

import base64
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from processes.models import Process
from tests.factories import ProcessFactory
from tests.support.service import PROCESSES, problem_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def seven() -> list[str]:
    """The ids of seven processes, the newest first; five of them are of one moment."""
    first = ProcessFactory()
    alike = [ProcessFactory() for _ in range(5)]
    Process.objects.filter(pk__in=[p.pk for p in alike]).update(created_at=alike[0].created_at)
    ids = sorted((str(process.id) for process in alike), reverse=True)
    return [str(ProcessFactory().id), *ids, str(first.id)]


def ids_of(page: dict[str, Any]) -> list[str]:
    return [result["id"] for result in page["results"]]


def pages(service: Any, url: str, way: str) -> list[list[str]]:
    found = []
    while url:
        page = service.get(url).json()
        found.append(ids_of(page))
        url = page[way]
    return found


def test_every_row_comes_once_onwards_and_backwards(service, seven):
    onwards = pages(service, f"{PROCESSES}?limit=3", "next")
    assert onwards == [seven[:3], seven[3:6], seven[6:]]
    last = service.get(f"{PROCESSES}?limit=3").json()
    while last["next"]:
        last = service.get(last["next"]).json()
    backwards = pages(service, last["previous"], "previous")
    assert backwards == [seven[3:6], seven[:3]]


def test_the_first_page_has_no_previous_and_the_last_no_next(service, seven):
    whole = service.get(f"{PROCESSES}?limit=7").json()
    assert (ids_of(whole), whole["next"], whole["previous"]) == (seven, None, None)
    second = service.get(service.get(f"{PROCESSES}?limit=4").json()["next"]).json()
    assert (ids_of(second), second["next"]) == (seven[4:], None)
    first = service.get(second["previous"]).json()
    assert (ids_of(first), first["previous"]) == (seven[:4], None)
    assert service.get(first["next"]).json() == second


def test_rows_that_arrive_meanwhile_shift_nothing(service, seven):
    page = service.get(f"{PROCESSES}?limit=3").json()
    ProcessFactory.create_batch(3)
    assert ids_of(service.get(page["next"]).json()) == seven[3:6]


def test_the_filter_goes_along(service, seven):
    ProcessFactory(failed=True)
    oldest = ProcessFactory(failed=True)
    page = service.get(f"{PROCESSES}?limit=1&status=FAILED").json()
    assert "status=FAILED" in page["next"]
    assert page["next"].startswith("http")
    page = service.get(page["next"]).json()
    assert oldest.id not in ids_of(page)
    assert page["next"] is None


def test_fifty_unless_told(service):
    ProcessFactory.create_batch(51)
    assert len(service.get(PROCESSES).json()["results"]) == 50
    assert len(service.get(f"{PROCESSES}?limit=200").json()["results"]) == 51


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "", "1.5", "\u0661", "1" * 5000])
def test_a_limit_that_will_not_do_is_refused(service, limit):
    problem = problem_of(service.get(PROCESSES, {"limit": limit}), 400, "INVALID_FILTER")
    assert problem["errors"][0]["field"] == "limit"


def told(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


AN_ID = "2b1c0a52-3c1e-4b52-9c60-0f6f5d1f4711"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "\u00e4",
        "%00",
        "a" * 9000,
        told(),
        told(1, 2, 3),
        told("2026-01-01T00:00:00+00:00", "7", False),
        told("9999-12-31T23:59:59-14:00", AN_ID, False),
        told("yesterday", AN_ID, False),
        told("2026-01-01T00:00:00+00:00", AN_ID),
        base64.b64encode(b"[" * 6000).decode(),
        base64.b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_cursor_that_will_not_do_is_refused(service, cursor):
    problem = problem_of(service.get(PROCESSES, {"cursor": cursor}), 400, "INVALID_FILTER")
    assert problem["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+00:00", "2026-01-01T00:00:00+23:59"])
def test_a_moment_far_away_does_no_harm(service, at):
    assert service.get(PROCESSES, {"cursor": told(at, AN_ID, False)}).json()["results"] == []


def test_a_page_reads_no_more_than_it_shows(service):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO processes_process (id, domain, process_type, data, status, current_step,"
            " state, completed_at, created_at)"
            " SELECT gen_random_uuid(), 'test', 'ThreeSteps', '{}', 'COMPLETED', '', '{}',"
            " bus_now(), bus_now() - n * interval '1 s' FROM generate_series(1, 5000) n"
        )
        cursor.execute("ANALYZE processes_process")
    middle = told((timezone.now() - timedelta(seconds=2500)).isoformat(), AN_ID, False)
    with CaptureQueriesContext(connection) as queries:
        page = service.get(PROCESSES, {"limit": 10, "cursor": middle}).json()
    assert len(page["results"]) == 10
    (statement,) = [q["sql"] for q in queries if 'FROM "processes_process"' in q["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "process_by_age" in plan
    assert "Sort" not in plan
    assert not [n for n in re.findall(r"Removed by Filter: (\d+)", plan) if int(n) > 1]

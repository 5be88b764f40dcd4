"""Probes: for everybody, in time whatever the database does, and they tell nothing but ok."""

import socket
import time

import pytest
from django.db import connection, connections
from django.db.migrations.recorder import MigrationRecorder

from processes.health import checks, views
from processes.health.checks import Readiness
from processes.heartbeat import WorkerHeartbeat
from tests.bus.delivering import send
from tests.factories import CommandFactory
from tests.support.live import wait_until_alone
from tests.support.sessions import run_together

ALL_WELL = {"database": "ok", "migrations": "ok", "workers": "ok", "due": "ok"}


@pytest.fixture(autouse=True)
def readiness(monkeypatch) -> Readiness:
    """One that remembers nothing of other tests."""
    fresh = Readiness()
    monkeypatch.setattr(views, "readiness", fresh)
    return fresh


@pytest.fixture
def worker(db) -> WorkerHeartbeat:
    return WorkerHeartbeat.objects.create(host="here", pid=1, workers=2)


def ready(client) -> tuple[int, dict[str, str]]:
    response = client.get("/readyz")
    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    return response.status_code, response.json()["checks"]


def test_a_process_that_answers_lives_and_asks_no_database(client):
    # Without the mark, a query would fail the test.
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_only_reading_is_allowed(client, path):
    assert client.post(path).status_code == 405
    assert client.head("/livez").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_not_sent_to_https(client, settings, path, readiness):
    settings.SECURE_SSL_REDIRECT = True
    readiness.checks = {"database": lambda: True}
    assert client.get(path).status_code == 200
    assert client.get(f"{path}/more").status_code == 301


def test_a_probe_is_not_logged_if_all_is_well(client, caplog, readiness):
    readiness.checks = {"database": lambda: True}
    with caplog.at_level("DEBUG", logger="django.request"), caplog.at_level("INFO"):
        client.get("/livez")
        client.get("/readyz")
    assert caplog.records == []


@pytest.mark.django_db(transaction=True)
class TestReady:
    def test_it_is_when_all_is_well(self, client, worker):
        response = client.get("/readyz")
        assert response.status_code == 200
        assert response.json() == {"status": "ok", "checks": ALL_WELL}

    def test_not_without_workers(self, client, caplog):
        assert ready(client) == (503, ALL_WELL | {"workers": "failing"})
        (record,) = caplog.records
        assert (record.levelname, record.getMessage()) == (
            "WARNING",
            "Not ready: workers failing",
        )

    def test_not_if_work_is_overdue(self, client, worker, register_handler, clock):
        register_handler("Test", lambda _: None)
        send("Test")
        assert ready(client) == (200, ALL_WELL)
        clock.advance(61)
        assert ready(client) == (503, ALL_WELL | {"due": "failing"})

    def test_what_waits_for_a_service_from_outside_is_not_overdue_here(
        self, client, worker, register_external, clock
    ):
        register_external("Test")
        CommandFactory()
        clock.advance(61)
        assert ready(client) == (200, ALL_WELL)

    def test_not_before_the_last_migration_and_then_never_asked_again(self, client, worker):
        recorder = MigrationRecorder(connection)
        recorder.record_unapplied("processes", "0005_metrics_permission")
        try:
            assert ready(client) == (503, ALL_WELL | {"migrations": "failing"})
        finally:
            recorder.record_applied("processes", "0005_metrics_permission")
        assert ready(client) == (200, ALL_WELL)
        recorder.record_unapplied("processes", "0005_metrics_permission")
        try:
            assert ready(client) == (200, ALL_WELL)
        finally:
            recorder.record_applied("processes", "0005_metrics_permission")

    def test_many_at_once_share_one_look(self, client, worker, readiness):
        looks = []
        readiness.checks = {"database": lambda: looks.append(1) or time.sleep(0.2) or True}
        answers = run_together(*[readiness.ask] * 5)
        assert answers == [{"database": True}] * 5
        assert len(looks) == 1

    def test_each_look_closes_its_connection(self, client, worker):
        ready(client)
        wait_until_alone()


class TestDatabaseAway:
    def test_a_database_that_refuses_fails_every_check_at_once(self, client, monkeypatch):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            lead_astray(monkeypatch, closed.getsockname()[1])
            started = time.monotonic()
            assert ready(client) == (503, dict.fromkeys(ALL_WELL, "failing"))
            assert time.monotonic() - started < 2

    def test_a_database_that_swallows_what_it_is_sent_is_not_waited_for(self, client, monkeypatch):
        monkeypatch.setattr(checks.Readiness.ask, "__defaults__", (0.3,))
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            lead_astray(monkeypatch, silent.getsockname()[1])
            started = time.monotonic()
            for _ in range(2):
                assert ready(client) == (503, dict.fromkeys(ALL_WELL, "failing"))
            assert client.get("/livez").status_code == 200
            assert time.monotonic() - started < 2


def lead_astray(monkeypatch, port: int) -> None:
    """New connections of other threads go there; this one has no business with the database."""
    settings = connections.settings["default"] | {"HOST": "127.0.0.1", "PORT": port}
    settings["ENGINE"] = "django.db.backends.postgresql"
    monkeypatch.setitem(connections.settings, "default", settings)

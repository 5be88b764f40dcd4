"""What Prometheus is told."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from processes import gauges
from processes.bus import measures
from processes.heartbeat import WorkerHeartbeat
from processes.worker import run_until_idle
from tests.bus.delivering import send
from tests.factories import CommandFactory, ProcessFactory, ReplyFactory
from tests.support.behaviours import business, in_turn, permanent, succeed, transient
from tests.support.console import Console
from tests.support.service import Service, problem_of
from tests.support.three_steps import DOMAIN
from tsq.operations import cancel

pytestmark = pytest.mark.django_db

VIEW = "processes.view_metrics"


@pytest.fixture(autouse=True)
def site(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def prometheus(db) -> Service:
    return Service(VIEW, username="prometheus")


def samples(service: Service) -> dict[tuple, float]:
    """Every sample by its name and the values of its labels in order of their names."""
    response = service.get("/metrics", accept="application/openmetrics-text;q=0.9,*/*;q=0.1")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name.removeprefix("commandbus_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


class TestGauges:
    def test_all_is_there_with_nothing_to_tell(self, prometheus):
        told = samples(prometheus)
        for status in ("PENDING", "IN_PROGRESS", "IN_TROUBLESHOOTING_QUEUE"):
            assert told["commands", status] == 0
        assert told["processes", "WAITING_FOR_TSQ"] == 0
        for name in ("oldest_due_seconds", "oldest_parked_seconds", "workers_alive"):
            assert told[name,] == 0
        assert told["stuck_replies",] == 0

    def test_unfinished_commands_are_counted_by_status(self, prometheus):
        CommandFactory.create_batch(2)
        CommandFactory(alone=True, attempts=1, deliveries=1)
        CommandFactory(in_progress=True)
        CommandFactory(parked=True)
        CommandFactory(completed=True)
        told = samples(prometheus)
        assert told["commands", "PENDING"] == 3
        assert told["commands", "IN_PROGRESS"] == 1
        assert told["commands", "IN_TROUBLESHOOTING_QUEUE"] == 1
        assert ("commands", "COMPLETED") not in told

    def test_processes_are_counted_by_status(self, prometheus, clock):
        ProcessFactory(failed=True)
        ProcessFactory(completed=True)
        clock.advance(25 * 3600)
        ProcessFactory(completed=True)
        told = samples(prometheus)
        assert (told["processes", "FAILED"], told["processes", "COMPLETED"]) == (1, 1)

    def test_entries_are_counted_by_domain_and_error_with_the_age_of_the_oldest(
        self, prometheus, clock
    ):
        CommandFactory.create_batch(2, parked=True)
        clock.advance(90)
        CommandFactory(parked=True, domain="shop", last_error_code='A "quoted" one')
        told = samples(prometheus)
        assert told["tsq_entries", DOMAIN, "BROKEN"] == 2
        assert told["tsq_entries", "shop", 'A "quoted" one'] == 1
        assert told["oldest_parked_seconds",] == pytest.approx(90, abs=3)

    def test_rare_errors_are_told_together(self, prometheus, monkeypatch):
        monkeypatch.setattr(gauges, "MOST_ERRORS", 2)
        for code in ("A", "B", "C", "D", "D"):
            CommandFactory(parked=True, last_error_code=code)
        told = samples(prometheus)
        entries = {key[1:]: number for key, number in told.items() if key[0] == "tsq_entries"}
        assert entries == {(DOMAIN, "D"): 2, (DOMAIN, "A"): 1, ("", "(others)"): 2}
        assert told["commands", "IN_TROUBLESHOOTING_QUEUE"] == 5

    def test_workers_what_is_due_and_what_is_stuck(self, prometheus, register_handler, clock):
        register_handler("Test", succeed())
        send("Test")
        clock.advance(30)
        WorkerHeartbeat.objects.create(host="here", pid=1, workers=2)
        WorkerHeartbeat.objects.create(host="there", pid=1, workers=3)
        ReplyFactory(stuck=True)
        told = samples(prometheus)
        assert told["workers_alive",] == 5
        assert told["oldest_due_seconds",] == pytest.approx(30, abs=3)
        assert told["stuck_replies",] == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_counted_is_told_by_lane_and_verb(prometheus, register_handler):
    register_handler("Works", succeed())
    register_handler("Fails", in_turn(transient(), permanent()), backoff=(0,))
    register_handler("Refuses", business())
    send("Works")
    failing = send("Fails")
    send("Refuses")
    run_until_idle()
    cancel(failing.pk, operator="ann", reason="over")

    told = samples(prometheus)

    assert told["commands_delivered_total", "Fails", DOMAIN] == 2
    assert told["commands_retried_total", "Fails", DOMAIN] == 1
    assert told["commands_parked_total", "Fails", DOMAIN] == 1
    assert told["commands_completed_total", "Works", DOMAIN] == 1
    assert told["commands_failed_total", "Refuses", DOMAIN] == 1
    assert told["commands_resolved_total", "Fails", DOMAIN, "cancel"] == 1
    assert told["handler_seconds_count", "Fails", DOMAIN] == 2
    assert told["handler_seconds_bucket", "Works", DOMAIN, "+Inf"] == 1
    assert told["handler_seconds_sum", "Works", DOMAIN] >= 0


class TestWho:
    def test_nobody_without_a_login(self):
        problem_of(Client().get("/metrics"), 401, "NOT_AUTHENTICATED")

    def test_nobody_without_the_permission(self):
        service = Service("processes.view_process", "bus.view_command")
        problem_of(service.get("/metrics"), 403, "PERMISSION_DENIED")

    def test_a_person_with_it(self):
        assert Console(VIEW).client.get("/metrics").status_code == 200
        assert Console(username="bob").client.get("/metrics").status_code == 403

    @pytest.mark.django_db(transaction=True)
    def test_who_is_limited_to_a_domain_reads_of_no_other(self, register_handler):
        service = Service(VIEW, domain="elsewhere")
        register_handler("Hidden", succeed())
        send("Hidden")
        run_until_idle()
        CommandFactory(parked=True)
        CommandFactory()
        ProcessFactory()
        response = service.get("/metrics")
        assert DOMAIN not in response.text
        assert "Hidden" not in response.text
        told = samples(service)
        assert told["commands", "PENDING"] == 0
        assert told["commands", "IN_TROUBLESHOOTING_QUEUE"] == 0
        assert told["processes", "WAITING_FOR_REPLY"] == 0
        assert told["oldest_parked_seconds",] == 0


def test_it_takes_few_queries_whatever_there_is(prometheus, register_handler):
    register_handler("Test", succeed())
    WorkerHeartbeat.objects.create(host="here", pid=1, workers=2)
    measures.count_deliveries([(DOMAIN, "Test")])
    for number in range(5):
        send("Test")
        CommandFactory(parked=True, last_error_code=f"E{number}")
        ProcessFactory()
    with CaptureQueriesContext(connection) as queries:
        samples(prometheus)
    unseen = 3  # what is due is asked past Django's cursor
    assert len(queries) + unseen < 12

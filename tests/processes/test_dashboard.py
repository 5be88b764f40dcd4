"""How the system does, in figures: exact, within a person's domains, and bounded."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes import dashboard
from processes.bus.clock import BusNow
from processes.bus.states import EventType
from processes.heartbeat import WorkerHeartbeat
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory, ProcessFactory, ReplyFactory
from tests.support.behaviours import permanent
from tests.support.three_steps import Story
from tsq.models import TsqEntry
from tsq.operations import retry

pytestmark = pytest.mark.django_db


def counts(domains=None) -> dict[ProcessStatus, int]:
    return {c.status: c.number for c in dashboard.process_counts(domains)}


def parked(hours_ago: int, clock, **fields) -> None:
    clock.advance(-3600 * hours_ago)
    CommandEventFactory(type=EventType.PARKED, command__parked=True, at=BusNow(), **fields)
    clock.advance(3600 * hours_ago)


def test_processes_are_counted_by_status():
    ProcessFactory.create_batch(2)
    ProcessFactory(failed=True)
    ProcessFactory(completed=True)
    assert counts() == {
        ProcessStatus.PENDING: 0,
        ProcessStatus.WAITING_FOR_REPLY: 2,
        ProcessStatus.WAITING_FOR_TSQ: 0,
        ProcessStatus.COMPENSATING: 0,
        ProcessStatus.COMPLETED: 1,
        ProcessStatus.COMPENSATED: 0,
        ProcessStatus.FAILED: 1,
    }


def test_of_those_that_ended_well_only_the_last_day_is_counted(clock):
    for trait in ("completed", "compensated", "failed"):
        ProcessFactory(**{trait: True})
    clock.advance(25 * 3600)
    ProcessFactory(completed=True)
    counted = {c.status: c for c in dashboard.process_counts()}
    assert counted[ProcessStatus.COMPLETED].number == 1
    assert counted[ProcessStatus.COMPENSATED].number == 0
    assert counted[ProcessStatus.FAILED].number == 1
    assert [s for s, c in counted.items() if c.since] == list(dashboard.ENDED_WELL)


def test_troubles_are_the_parked_commands_and_the_stuck_replies(clock):
    CommandFactory(parked=True)
    clock.advance(7200)
    CommandFactory(parked=True)
    CommandFactory(completed=True)
    ReplyFactory(stuck=True)
    ReplyFactory()
    told = dashboard.troubles()
    assert (told.open_entries, told.stuck_replies) == (2, 1)
    assert 7200 <= told.oldest_seconds < 7300


def test_without_troubles_nothing_is_old():
    told = dashboard.troubles()
    assert (told.open_entries, told.oldest_seconds, told.stuck_replies) == (0, 0.0, 0)


def test_arrivals_are_counted_for_each_of_the_last_24_hours(clock):
    for hours_ago in (0, 0, 3, 23, 24, 48):
        parked(hours_ago, clock)
    arrived = [hour.number for hour in dashboard.arrivals()]
    assert len(arrived) == 24
    assert {i: n for i, n in enumerate(arrived) if n} == {0: 1, 20: 1, 23: 2}


def test_an_entry_retried_since_did_arrive(story: Story):
    story.on("A", permanent())
    story.start()
    run_until_idle()
    retry(TsqEntry.objects.get().pk, operator="ann")
    assert not TsqEntry.objects.exists()
    assert sum(hour.number for hour in dashboard.arrivals()) == 1


def test_throughput_is_what_was_completed_lately(story: Story, clock):
    story.start_many(5)
    run_until_idle()
    assert dashboard.completed_per_minute() == 3.0
    assert dashboard.completed_per_minute(["elsewhere"]) == 0.0
    clock.advance(dashboard.LATELY_SECONDS + 1)
    assert dashboard.completed_per_minute() == 0.0


def test_throughput_reads_the_latest_events_only(story: Story, monkeypatch, clock):
    story.start_many(5)
    run_until_idle()
    monkeypatch.setattr(dashboard, "LATEST_EVENTS", 10)
    clock.advance(60)
    with CaptureQueriesContext(connection) as queries:
        rate = dashboard.completed_per_minute()
    assert "LIMIT 10" in queries[0]["sql"]
    assert 3.0 < rate <= 10.0


def test_workers_are_missed_when_work_is_due_and_none_lives(story: Story, clock):
    assert not dashboard.workers().are_missed
    story.start()
    clock.advance(90)
    missed = dashboard.workers()
    assert missed.are_missed
    assert 90 <= missed.overdue_seconds < 100
    WorkerHeartbeat.objects.create(host="here", pid=1, workers=4)
    there = dashboard.workers()
    assert (there.number, there.hosts, there.are_missed) == (4, ["here"], False)


def test_commands_without_a_handler_are_counted_by_lane():
    for name in ("X", "X", "Y"):
        CommandFactory(command_type=name, handler_missing_since=BusNow())
    CommandFactory(command_type="Z")
    assert dashboard.waiting_for_code() == [(("test", "X"), 2), (("test", "Y"), 1)]


def test_nothing_of_other_domains_is_counted(clock):
    for domain in ("mine", "theirs", "theirs"):
        ProcessFactory(domain=domain)
        parked(0, clock, command__domain=domain)
        ReplyFactory(stuck=True, command__domain=domain)
        CommandFactory(domain=domain, handler_missing_since=BusNow())
    told = dashboard.troubles(["mine"])
    assert (told.open_entries, told.stuck_replies) == (1, 1)
    assert counts(["mine"])[ProcessStatus.WAITING_FOR_REPLY] == 1
    assert sum(hour.number for hour in dashboard.arrivals(["mine"])) == 1
    assert dashboard.waiting_for_code(["mine"]) == [(("mine", "Test"), 1)]


def test_counts_stop_at_their_bound(monkeypatch):
    monkeypatch.setattr(dashboard, "MOST_COUNTED", 2)
    ProcessFactory.create_batch(3)
    for _ in range(3):
        CommandFactory(parked=True)
        ReplyFactory(stuck=True)
    told = dashboard.troubles()
    assert (told.open_entries, told.stuck_replies) == (2, 2)
    assert told.is_cut
    assert told.stuck_is_cut
    waiting = {c.status: c for c in dashboard.process_counts()}[ProcessStatus.WAITING_FOR_REPLY]
    assert (waiting.number, waiting.is_cut) == (2, True)

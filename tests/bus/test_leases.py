"""Lost and overrun leases: only the command that loses them pays, and in the end it parks."""

import subprocess
import sys
import time

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from processes.bus.claims import claim_alone
from processes.bus.clock import BusNow
from processes.bus.models import Command
from processes.bus.settlement import settle
from processes.models import Process
from processes.worker import run_until_idle
from tests.bus.delivering import (
    claim_due,
    deliver_claims,
    event_types,
    last_event,
    reply_outcomes,
    send,
    stored,
)
from tests.support.behaviours import succeed, transient

pytestmark = pytest.mark.django_db(transaction=True)

PARKED = "IN_TROUBLESHOOTING_QUEUE"
LEASE = 61


@pytest.fixture
def lose_lease(clock):
    """Claim as the worker does that dies the next moment."""

    def lose(claim=claim_due) -> None:
        assert claim()
        clock.advance(LEASE)

    return lose


def test_a_lease_lost_in_company_does_not_count_as_an_attempt(register_handler, lose_lease):
    ran = []
    register_handler("Test", lambda message: ran.append(message.attempt))
    command = send()
    lose_lease()

    run_until_idle()

    command = stored(command)
    assert ran == [1]
    assert (command.status, command.attempts, command.deliveries) == ("COMPLETED", 1, 2)
    assert event_types(command) == ["SENT", "RELEASED", "COMPLETED"]


def test_it_is_delivered_alone_until_it_has_an_outcome(register_handler, lose_lease):
    register_handler("Test", succeed())
    commands = [send() for _ in range(3)]
    lose_lease()

    assert claim_due() == []
    assert [len(claim_alone()) for _ in range(4)] == [1, 1, 1, 0]
    assert [stored(command).alone for command in commands] == [True] * 3


def test_nothing_else_runs_beside_a_lone_delivery(register_handler, lose_lease):
    beside = []

    def look(message):
        held = Command.objects.filter(status="IN_PROGRESS", available_at__gt=BusNow())
        beside.append(held.count())

    register_handler("Test", look)
    register_handler("Threaded", look, transactional=False)
    for _ in range(2):
        send()
        send("Threaded")
    lose_lease(lambda: claim_due("Test", "Threaded"))
    due = [send(), send("Threaded")]

    run_until_idle()

    assert beside[:4] == [1, 1, 1, 1]
    assert [stored(command).status for command in due] == ["COMPLETED"] * 2
    assert sorted(Command.objects.values_list("deliveries", flat=True)) == [1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("transactional", [True, False])
def test_a_lease_lost_alone_counts_as_an_attempt(register_handler, lose_lease, transactional):
    ran = []
    register_handler(
        "Test", lambda message: ran.append(message.attempt), transactional=transactional
    )
    command = send()
    lose_lease()
    lose_lease(claim_alone)

    run_until_idle()

    command = stored(command)
    assert ran == [2]
    assert (command.status, command.attempts, command.deliveries) == ("COMPLETED", 2, 3)
    assert event_types(command) == ["SENT", "RELEASED", "RETRY_SCHEDULED", "COMPLETED"]
    lost = command.events.get(type="RETRY_SCHEDULED")
    assert (lost.details["error_code"], lost.details["attempt"], lost.delivery) == (
        "LEASE_EXPIRED",
        1,
        2,
    )


@pytest.mark.parametrize("transactional", [True, False])
def test_the_last_attempt_lost_alone_parks_without_running_again(
    register_handler, lose_lease, transactional
):
    ran = []
    register_handler("Test", lambda _: ran.append(1), transactional=transactional)
    command = send(max_attempts=2)
    lose_lease()
    lose_lease(claim_alone)
    lose_lease(claim_alone)

    run_until_idle()

    command = stored(command)
    assert ran == []
    assert (command.status, command.last_error_code) == (PARKED, "LEASE_EXPIRED")
    assert (command.attempts, command.deliveries) == (2, 4)
    assert (event_types(command)[-1], reply_outcomes(command)) == ("PARKED", ["PARKED"])


def test_the_last_attempt_lost_in_company_is_still_delivered_alone(
    register_handler, lose_lease, clock
):
    register_handler("Test", transient())
    command = send(max_attempts=2)
    run_until_idle()
    clock.advance(11)
    lose_lease()

    run_until_idle()

    command = stored(command)
    assert (command.status, command.last_error_code, command.attempts) == (PARKED, "BUSY", 2)


def test_a_worker_that_dies_while_parking_leaves_it_to_be_parked(register_handler, lose_lease):
    register_handler("Test", succeed())
    command = send(max_attempts=1)
    for claim in (claim_due, claim_alone, claim_alone):
        lose_lease(claim)

    run_until_idle()

    assert (stored(command).status, stored(command).attempts) == (PARKED, 1)
    assert reply_outcomes(command) == ["PARKED"]


def test_after_an_outcome_it_runs_in_company_again(register_handler, lose_lease, clock):
    register_handler("Test", transient())
    command = send()
    lose_lease()
    run_until_idle()
    clock.advance(11)

    assert not stored(command).alone
    assert [held.command_id for held in claim_due()] == [command.pk]


def test_released_unrun_it_stays_alone_and_gets_its_attempt_back(register_handler, lose_lease):
    register_handler("Test", succeed())
    command = send()
    lose_lease()

    deliver_claims(claim_alone(), why_not="stopping")

    assert (stored(command).alone, stored(command).attempts) == (True, 0)
    assert claim_due() == []
    assert [held.message.attempt for held in claim_alone()] == [1]


def test_a_lost_command_of_unknown_type_waits_for_code(lose_lease, clock):
    command = send()
    lose_lease()

    run_until_idle()

    command = stored(command)
    assert (command.status, command.attempts) == ("PENDING", 0)
    assert list(Command.objects.waiting_for_code()) == [command]


def test_a_process_goes_on_at_once_after_a_lone_delivery(story, lose_lease):
    process = story.start()
    lose_lease(lambda: claim_due("A"))

    run_until_idle()

    assert story.steps_run == ["A", "B", "C"]
    assert Process.objects.get(pk=process.pk).status == "COMPLETED"


def overrun_asleep(message) -> None:
    Group.objects.create(name="of the overrun")
    time.sleep(10)


def overrun_in_a_query(message) -> None:
    Group.objects.create(name="of the overrun")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(10)")


def overrun_catching_every_exception(message) -> None:
    Group.objects.create(name="of the overrun")
    try:
        time.sleep(10)
    except Exception:
        time.sleep(10)


@pytest.mark.parametrize(
    "overrun", [overrun_asleep, overrun_in_a_query, overrun_catching_every_exception]
)
def test_a_handler_past_its_lease_is_interrupted_and_its_neighbours_keep_theirs(
    register_handler, overrun
):
    register_handler(
        "Write", lambda message: Group.objects.create(name=message.data["name"]) and None
    )
    register_handler("Overrun", overrun, lease=0.3)
    before = send("Write", {"name": "before"})
    culprit = send("Overrun")
    after = send("Write", {"name": "after"})
    started = time.monotonic()

    deliver_claims(claim_due("Write", "Overrun"))

    assert time.monotonic() - started < 2
    assert sorted(Group.objects.values_list("name", flat=True)) == ["after", "before"]
    for neighbour in (before, after):
        assert (stored(neighbour).status, stored(neighbour).attempts) == ("COMPLETED", 1)
    assert (stored(culprit).status, stored(culprit).deliveries) == ("IN_PROGRESS", 1)
    assert event_types(culprit) == ["SENT", "LATE_OUTCOME"]
    assert "interrupted" in last_event(culprit).details["why"]


def test_a_handler_that_always_overruns_is_parked_in_the_end(register_handler, clock):
    register_handler("Test", lambda _: time.sleep(10), lease=0.2)
    command = send(max_attempts=2)

    for _ in range(4):
        run_until_idle()
        clock.advance(1)

    command = stored(command)
    assert (command.status, command.last_error_code) == (PARKED, "LEASE_EXPIRED")
    assert (command.attempts, command.deliveries) == (2, 4)


def test_no_handler_starts_with_less_than_half_of_its_lease(register_handler):
    ran = []
    register_handler("Slow", lambda _: time.sleep(0.3), lease=60.0)
    register_handler("Late", lambda _: ran.append(1), lease=0.5)
    send("Slow")
    late = send("Late")

    deliver_claims(claim_due("Slow", "Late"))

    assert ran == []
    assert (stored(late).status, stored(late).attempts) == ("PENDING", 0)
    assert last_event(late).details == {"why": "too little of its lease was left"}


def test_settling_nothing_settles_nothing():
    assert settle([], "nobody").command_ids == frozenset()


UNSTOPPABLE = """
import time
from processes.bus import leases

leases.GRACE_SECONDS = 0.3
with leases.leases_enforced(time.monotonic() + 0.3):
    while True:
        try:
            with leases.interrupted_at(time.monotonic() + 0.1):
                time.sleep(60)
        except KeyboardInterrupt:
            pass
"""


def test_a_process_that_swallows_its_interruption_ends_itself():
    ended = subprocess.run(
        [sys.executable, "-c", UNSTOPPABLE], capture_output=True, text=True, timeout=20, check=False
    )

    assert ended.returncode == 1
    assert "Timeout" in ended.stderr

"""Claiming: what is due, in order, as much as asked for, and by one worker only."""

import uuid

import pytest
from django.db import transaction

from processes.bus.claims import claim, claim_alone, claim_without_handler, command_due_in
from processes.bus.models import Command
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
from tests.factories import CommandFactory
from tests.support.behaviours import succeed, transient
from tests.support.sessions import in_other_session, run_together
from tests.support.three_steps import DOMAIN

pytestmark = pytest.mark.django_db

LANE = (DOMAIN, "Test")


def test_a_claim_is_one_delivery_with_its_own_lease(register_handler, clock):
    register_handler("Test", succeed(), lease=30.0)
    command = send(data={"n": 1}, correlation_id=uuid.UUID(int=1))

    (held,) = claim_due()

    message = held.message
    assert (message.command_id, message.command_type, message.domain) == (
        command.pk,
        "Test",
        "test",
    )
    assert (message.data, message.correlation_id) == ({"n": 1}, uuid.UUID(int=1))
    assert (message.attempt, held.deliveries, held.max_attempts) == (1, 1, 3)
    assert not held.exhausted
    command = stored(command)
    assert (command.status, command.attempts, command.deliveries) == ("IN_PROGRESS", 1, 1)
    assert (command.available_at - clock.now()).total_seconds() == pytest.approx(30, abs=1)
    assert event_types(command) == ["SENT"]


def test_what_is_not_due_is_left(register_handler, clock):
    register_handler("Test", transient(), backoff=(10.0,))
    command = send()
    deliver_claims(claim_due())

    clock.advance(8.9)
    assert claim_due() == []
    assert 0 < command_due_in() <= 2.1

    clock.advance(2.2)
    assert [held.message.attempt for held in claim_due()] == [2]
    assert stored(command).deliveries == 2


def test_what_is_claimed_is_not_claimed_again():
    send()

    assert len(claim_due()) == 1
    assert claim_due() == []


def test_the_ones_due_longest_are_taken_first(clock):
    commands = []
    for _ in range(5):
        commands.append(send())
        clock.advance(1)

    assert [held.command_id for held in claim_due(most=3)] == [c.pk for c in commands[:3]]
    assert [held.command_id for held in claim_due(most=3)] == [c.pk for c in commands[3:]]


def test_each_lane_gives_at_most_its_number_and_all_together_the_limit(clock):
    for _ in range(3):
        send("One")
        clock.advance(1)
    for _ in range(3):
        send("Two")
    one, two = (DOMAIN, "One"), (DOMAIN, "Two")

    first = claim([(one, 2), (two, 1)], 10)
    second = claim([(one, 9), (two, 9)], 2)

    assert sorted(held.message.command_type for held in first) == ["One", "One", "Two"]
    assert sorted(held.message.command_type for held in second) == ["One", "Two"]
    assert Command.objects.due().count() == 1


@pytest.mark.parametrize(("lanes", "most"), [([], 5), ([(LANE, 0)], 5), ([(LANE, 5)], 0)])
def test_asking_for_nothing_takes_nothing(lanes, most):
    send()

    assert claim(lanes, most) == []
    assert Command.objects.due().count() == 1


def test_a_lane_is_a_domain_and_a_type():
    send("Test")
    CommandFactory(domain="other", command_type="Test")

    assert [held.message.domain for held in claim([(("other", "Test"), 5)], 5)] == ["other"]


def test_handlers_may_give_their_leases_as_whole_numbers(register_handler):
    register_handler("Whole", succeed(), lease=30)
    register_handler("Default", succeed())
    send("Whole")
    send("Default")

    assert len(claim_due("Whole", "Default")) == 2


@pytest.mark.django_db(transaction=True)
def test_what_another_worker_is_just_taking_is_skipped_not_waited_for():
    for _ in range(2):
        send()

    with transaction.atomic():
        mine = claim_due(most=1)
        theirs = in_other_session(lambda: claim_due(most=5)).result(5)

    assert len(mine) == len(theirs) == 1
    assert mine[0].command_id != theirs[0].command_id


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_never_take_the_same_command():
    for _ in range(60):
        send()

    def take_all() -> list[uuid.UUID]:
        taken = []
        while claims := claim([(LANE, 4)], 4):
            taken += [held.command_id for held in claims]
        return taken

    taken = [command_id for ids in run_together(*[take_all] * 4) for command_id in ids]

    assert len(taken) == len(set(taken)) == 60
    assert set(Command.objects.values_list("deliveries", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_workers_at_the_same_moment_never_take_the_same_lost_command(clock):
    for _ in range(8):
        send()
    claim_due()
    clock.advance(61)

    taken = run_together(*[claim_alone] * 8)

    assert len({held.command_id for claims in taken for held in claims}) == sum(map(len, taken))
    assert max(Command.objects.values_list("deliveries", flat=True)) == 2


def test_releasing_gives_the_attempt_back_but_not_the_fencing_token(register_handler):
    register_handler("Test", succeed())
    command = send()

    deliver_claims(claim_due(), why_not="the worker was asked to stop")

    command = stored(command)
    assert (command.status, command.attempts, command.deliveries) == ("PENDING", 0, 1)
    assert (event_types(command), reply_outcomes(command)) == (["SENT", "RELEASED"], [])
    assert last_event(command).details == {"why": "the worker was asked to stop"}
    assert [held.message.attempt for held in claim_due()] == [1]


def test_a_command_of_unknown_type_waits_for_code_and_says_so(clock):
    command = send("Unknown")

    run_until_idle()

    command = stored(command)
    assert (command.status, command.attempts, command.deliveries) == ("PENDING", 0, 1)
    assert (command.available_at - clock.now()).total_seconds() == pytest.approx(60, abs=1)
    assert list(Command.objects.waiting_for_code()) == [command]
    assert (event_types(command), reply_outcomes(command)) == (["SENT", "RELEASED"], [])


def test_it_is_looked_at_once_a_minute(clock):
    command = send("Unknown")

    for seconds, deliveries in [(0, 1), (59, 1), (1, 2), (59, 2), (1, 3)]:
        clock.advance(seconds)
        run_until_idle()
        assert stored(command).deliveries == deliveries

    assert stored(command).attempts == 0


def test_it_is_parked_when_it_has_waited_too_long(clock, settings):
    settings.COMMANDBUS = {**settings.COMMANDBUS, "NO_HANDLER_SECONDS": 120}
    command = send("Unknown")

    for _ in range(2):
        run_until_idle()
        clock.advance(60)
        assert stored(command).status == "PENDING"
    run_until_idle()

    command = stored(command)
    assert (command.status, command.last_error_code) == ("IN_TROUBLESHOOTING_QUEUE", "NO_HANDLER")
    assert "120 s" in command.last_error_message
    assert command.attempts == 0
    assert (reply_outcomes(command), event_types(command)[-1]) == (["PARKED"], "PARKED")
    assert not Command.objects.waiting_for_code().exists()


def test_it_is_delivered_once_the_code_is_there(clock, register_handler):
    command = send("Unknown")
    run_until_idle()
    register_handler("Unknown", succeed({"done": True}))

    run_until_idle()
    assert stored(command).status == "PENDING"

    clock.advance(60)
    run_until_idle()

    command = stored(command)
    assert (command.status, command.attempts, command.deliveries) == ("COMPLETED", 1, 2)
    assert command.handler_missing_since is None
    assert reply_outcomes(command) == ["SUCCESS"]


def test_having_waited_for_code_does_not_shorten_a_later_wait(clock, register_handler):
    command = send("Unknown")
    run_until_idle()
    register_handler("Unknown", transient(), backoff=(900.0,))
    clock.advance(60)
    run_until_idle()

    assert stored(command).handler_missing_since is None
    assert stored(command).last_error_code == "BUSY"


def test_only_types_without_handler_are_set_aside(register_handler):
    register_handler("Known", succeed())
    send("Known")
    send("Unknown")

    assert [held.message.command_type for held in claim_without_handler()] == ["Unknown"]


def test_nothing_waiting_is_never_due():
    CommandFactory(completed=True)
    CommandFactory(parked=True)

    assert command_due_in() is None

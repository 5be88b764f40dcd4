"""Fencing: an outcome counts only while its claim holds, and takes its effects along."""

import pytest
from django.contrib.auth.models import Group

from processes.bus.claims import claim_alone
from processes.bus.delivery import settle_outcomes
from processes.bus.models import Command
from processes.bus.outcomes import Succeeded
from tests.bus.delivering import (
    NOBODY,
    claim_due,
    deliver_claims,
    event_types,
    last_event,
    reply_outcomes,
    send,
    stored,
)
from tests.support.behaviours import business, in_turn, permanent, succeed, transient
from tests.support.sessions import in_other_session

pytestmark = pytest.mark.django_db(transaction=True)


def write(message) -> None:
    Group.objects.create(name=message.data["name"])


class Takeover:
    """A handler beside which another worker takes over whatever has lost its lease."""

    def __init__(self) -> None:
        self.ran = 0
        self.claims = []

    def __call__(self, message) -> None:
        self.ran += 1
        self.claims += in_other_session(claim_alone).result(5)


@pytest.fixture
def takeover(register_handler) -> Takeover:
    takeover = Takeover()
    register_handler("Takeover", takeover, lease=600.0)
    return takeover


@pytest.mark.parametrize("late", [succeed({"n": 1}), transient(), permanent(), business()])
def test_a_late_outcome_of_a_finished_command_changes_nothing(register_handler, clock, late):
    register_handler("Test", in_turn(succeed({"n": 2}), late))
    command = send()
    slow = claim_due()
    clock.advance(61)
    deliver_claims(claim_alone())
    before = Command.objects.values().get()

    deliver_claims(slow)

    assert Command.objects.values().get() == before
    assert command.replies.get().data == {"n": 2}
    assert event_types(command) == ["SENT", "RELEASED", "COMPLETED", "LATE_OUTCOME"]
    assert last_event(command).delivery == 1


def test_a_late_outcome_of_a_parked_command_changes_nothing(register_handler, clock):
    register_handler("Test", permanent())
    command = send()
    slow = claim_due()
    clock.advance(61)
    deliver_claims(claim_alone())

    settle_outcomes([(slow[0], Succeeded(None))], NOBODY)

    assert stored(command).status == "IN_TROUBLESHOOTING_QUEUE"
    assert reply_outcomes(command) == ["PARKED"]
    assert last_event(command).type == "LATE_OUTCOME"


def test_an_outcome_counts_after_the_lease_as_long_as_nobody_took_over(register_handler, clock):
    register_handler("Test", succeed())
    command = send()
    slow = claim_due()
    clock.advance(3600)

    deliver_claims(slow)

    assert (stored(command).status, event_types(command)) == ("COMPLETED", ["SENT", "COMPLETED"])


def test_a_late_outcome_without_effects_costs_its_neighbours_nothing(
    register_handler, takeover, clock
):
    ran = []
    register_handler("Idle", lambda message: ran.append(message.command_id), lease=10.0)
    late, neighbour = send("Idle"), send("Takeover")
    claims = claim_due("Idle", "Takeover")
    clock.advance(11)

    deliver_claims(claims)

    assert (len(ran), takeover.ran) == (1, 1)
    assert (stored(late).status, stored(late).deliveries) == ("IN_PROGRESS", 2)
    assert event_types(late) == ["SENT", "RELEASED", "LATE_OUTCOME"]
    assert last_event(late).details["outcome"] == "COMPLETED"
    assert reply_outcomes(late) == []
    assert stored(neighbour).status == "COMPLETED"


def test_the_effects_of_a_late_outcome_do_not_survive(register_handler, takeover, clock):
    register_handler("Write", write, lease=10.0)
    register_handler("Neighbour", write, lease=600.0)
    late = send("Write", {"name": "late"})
    neighbour = send("Neighbour", {"name": "neighbour"})
    send("Takeover")
    claims = claim_due("Write", "Neighbour", "Takeover")
    clock.advance(11)

    deliver_claims(claims)

    assert list(Group.objects.values_list("name", flat=True)) == ["neighbour"]
    assert (stored(late).status, stored(late).deliveries) == ("IN_PROGRESS", 2)
    assert reply_outcomes(late) == []
    assert (stored(neighbour).status, stored(neighbour).attempts) == ("COMPLETED", 1)
    assert event_types(neighbour) == ["SENT", "COMPLETED"]

    deliver_claims(takeover.claims)

    assert sorted(Group.objects.values_list("name", flat=True)) == ["late", "neighbour"]
    assert (stored(late).status, reply_outcomes(late)) == ("COMPLETED", ["SUCCESS"])


def test_a_late_outcome_whose_effects_were_undone_is_logged(register_handler, takeover, clock):
    register_handler("Write", write, lease=10.0)
    late = send("Write", {"name": "late"})
    send("Takeover")
    claims = claim_due("Write", "Takeover")
    clock.advance(11)

    deliver_claims(claims)

    assert event_types(late) == ["SENT", "RELEASED", "LATE_OUTCOME"]


def test_a_command_run_again_alone_holds_its_row_so_that_nobody_takes_over(register_handler, clock):
    taken = []

    def write_beside_another_worker(message):
        write(message)
        taken.append([held.command_id for held in in_other_session(claim_alone).result(5)])

    register_handler("Write", write, lease=10.0)
    register_handler("Beside", write_beside_another_worker, lease=12.0)
    first, second = send("Write", {"name": "first"}), send("Beside", {"name": "second"})
    claims = claim_due("Write", "Beside")
    clock.advance(13)

    deliver_claims(claims)

    assert taken == [[first.pk], []]
    assert (stored(first).status, stored(second).status) == ("IN_PROGRESS", "COMPLETED")
    assert Group.objects.get().name == "second"


def test_the_fencing_token_is_never_reset(register_handler, clock):
    register_handler("Test", permanent())
    command = send()
    deliver_claims(claim_due())
    parked = stored(command)
    parked.requeue()
    parked.save()

    deliver_claims(claim_due())

    assert (stored(command).attempts, stored(command).deliveries) == (1, 2)

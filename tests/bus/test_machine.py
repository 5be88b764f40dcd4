"""The command's status machine: every transition from every status, allowed and refused."""

import pytest
from django_fsm import TransitionNotAllowed

from processes.bus import statements
from processes.bus.claims import Claim, claim_alone
from processes.bus.handlers import CommandMessage
from processes.bus.models import Command
from processes.bus.outcomes import Succeeded
from processes.bus.settlement import settle
from processes.bus.states import CommandStatus, edge
from tests.bus.delivering import NOBODY, claim_due, stored
from tests.factories import COMMAND_TRAITS, CommandFactory

PENDING = CommandStatus.PENDING
IN_PROGRESS = CommandStatus.IN_PROGRESS
COMPLETED = CommandStatus.COMPLETED
FAILED = CommandStatus.FAILED
CANCELED = CommandStatus.CANCELED
PARKED = CommandStatus.IN_TROUBLESHOOTING_QUEUE

DRAWN = {
    "claim": ({PENDING, IN_PROGRESS}, IN_PROGRESS),
    "succeed": ({IN_PROGRESS}, COMPLETED),
    "schedule_retry": ({IN_PROGRESS}, PENDING),
    "release": ({IN_PROGRESS}, PENDING),
    "reject": ({IN_PROGRESS}, FAILED),
    "park": ({IN_PROGRESS}, PARKED),
    "requeue": ({PARKED}, PENDING),
    "complete_by_operator": ({PARKED}, COMPLETED),
    "cancel_by_operator": ({PARKED}, CANCELED),
}

every_move = pytest.mark.parametrize("move", DRAWN)
every_status = pytest.mark.parametrize("status", CommandStatus)


def test_the_declared_transitions_are_the_drawn_ones():
    declared: dict[str, tuple[set[str], str]] = {}
    for transition in Command._meta.get_field("status").get_all_transitions(Command):
        sources, _ = declared.setdefault(transition.name, (set(), transition.target))
        sources.add(transition.source)

    assert declared == DRAWN


@every_move
@every_status
def test_a_transition_moves_from_its_sources_and_from_nowhere_else(move, status):
    command = Command(status=status, max_attempts=3)
    sources, target = DRAWN[move]

    if status in sources:
        getattr(command, move)()
        assert command.status == target
    else:
        with pytest.raises(TransitionNotAllowed):
            getattr(command, move)()
        assert command.status == status


def test_a_status_cannot_be_assigned_by_hand():
    command = Command(max_attempts=3)

    with pytest.raises(AttributeError):
        command.status = COMPLETED

    assert command.status == PENDING


@pytest.mark.django_db
def test_a_requeued_command_starts_anew_but_keeps_its_fencing_token():
    command = CommandFactory(parked=True, attempts=3, deliveries=7, alone=True)

    command.requeue()
    command.save()

    command = stored(command)
    assert (command.status, command.attempts, command.deliveries) == (PENDING, 0, 7)
    assert (command.alone, command.parked_at, command.handler_missing_since) == (False, None, None)
    assert command in Command.objects.due()


@every_move
def test_set_based_statements_ask_the_machine_for_their_edges(move):
    sources, target = edge(Command, move)

    assert (set(sources), target) == DRAWN[move]


def test_the_statements_use_exactly_the_edges_of_workers():
    assert edge(Command, "claim") == statements.CLAIM_EDGE
    assert {move: edge(Command, move) for move in statements.SETTLE_EDGES} == (
        statements.SETTLE_EDGES
    )
    by_workers = {"claim", *statements.SETTLE_EDGES}
    assert set(DRAWN) - by_workers == {"requeue", "complete_by_operator", "cancel_by_operator"}


@pytest.mark.django_db
@every_status
def test_claiming_takes_a_command_only_from_its_sources(status):
    command = CommandFactory(**COMMAND_TRAITS[status])

    claimed = {held.command_id for held in [*claim_due(), *claim_alone()]}

    assert claimed == ({command.pk} if status in DRAWN["claim"][0] else set())
    assert stored(command).status == (IN_PROGRESS if claimed else status)


@pytest.mark.django_db
@every_status
def test_an_outcome_settles_a_command_only_in_progress(status):
    command = CommandFactory(**COMMAND_TRAITS[status], reply_to="someone")
    before = Command.objects.filter(pk=command.pk).values().get()
    message = CommandMessage(command.pk, "Test", "test", {}, None, 1)
    held = Claim(message, command.deliveries, 3, None, deadline=0.0)

    settled = settle([(held, Succeeded(None))], NOBODY)

    if status == IN_PROGRESS:
        assert settled.command_ids == {command.pk}
        assert stored(command).status == COMPLETED
    else:
        assert not settled.command_ids
        assert Command.objects.filter(pk=command.pk).values().get() == before
        assert (command.events.count(), command.replies.count()) == (0, 0)

"""The words that choose commands, and how words that will not do are refused."""

import uuid
from typing import Any

import pytest

from processes.bus.clock import BusNow
from processes.bus.models import Command
from processes.bus.states import CommandStatus, EventType
from processes.filters import CommandFilter, InvalidFilter, ProcessFilter, chosen
from processes.models import Process
from tests.factories import COMMAND_TRAITS, CommandEventFactory, CommandFactory, ProcessFactory

pytestmark = pytest.mark.django_db


def found(**words: Any) -> set[uuid.UUID]:
    return {command.pk for command in chosen(CommandFilter, words, Command.objects.all())}


@pytest.fixture
def command(db) -> Command:
    return CommandFactory(
        failed=True,
        domain="billing",
        command_type="Charge",
        reply_to="shop",
        last_error_code="CARD_DECLINED",
        last_error_message="The card 50%_off was declined",
    )


@pytest.fixture
def other(command: Command) -> Command:
    return CommandFactory()


def test_without_words_it_is_all_of_them(command, other):
    assert found() == {command.pk, other.pk}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("domain", "billing"),
        ("type", "Charge"),
        ("error_code", "CARD_DECLINED"),
        ("reply_to", "shop"),
    ],
)
def test_a_column_is_matched_exactly(command, other, word, value):
    assert found(**{word: value}) == {command.pk}
    assert found(**{word: value[:-1]}) == set()


@pytest.mark.parametrize("status", CommandStatus)
def test_a_status_is_that_of_now(status):
    commands = {s: CommandFactory(**COMMAND_TRAITS[s]) for s in CommandStatus}
    lone = CommandFactory(alone=True, deliveries=1)
    expected = {commands[status].pk} | ({lone.pk} if status == CommandStatus.PENDING else set())
    assert found(status=status.value) == expected


def test_it_is_found_by_its_id_and_its_correlation_id(command, other):
    assert found(id=str(command.pk)) == {command.pk}
    assert found(correlation_id=str(command.correlation_id)) == {command.pk}


def test_a_search_takes_the_whole_id_or_part_of_the_error(command, other):
    for text in (str(command.pk), "CARD_decl", "card 50%_off", " declined "):
        assert found(search=text) == {command.pk}
    assert found(search=str(other.pk)) == {other.pk}
    for text in (str(command.pk)[:13], "c_rd", "declin%", "Charge"):
        assert found(search=text) == set()


def test_an_age_and_times_of_creation_count_from_when_it_was_sent(clock, command):
    clock.advance(2 * 3600)
    later = CommandFactory()
    border = later.created_at.isoformat()
    assert found(older_than="2h") == found(created_before=border) == {command.pk}
    assert found(created_after=border) == {later.pk}
    assert found(older_than="121m") == set()


def test_a_time_of_completion_is_that_of_finished_commands(clock, command, other):
    clock.advance(60)
    later = CommandFactory(completed=True)
    assert found(completed_after=later.completed_at.isoformat()) == {later.pk}
    assert found(completed_after=command.completed_at.isoformat()) == {command.pk, later.pk}


def test_parked_after_is_ever_parked_since_and_named_once(clock, command, other):
    CommandEventFactory(command=command, type=EventType.PARKED)
    CommandEventFactory(command=other)
    clock.advance(60)
    twice = CommandFactory(completed=True)
    first, _ = [CommandEventFactory(command=twice, type=EventType.PARKED) for _ in range(2)]
    rows = chosen(
        CommandFilter, {"parked_after": first.at.isoformat()}, Command.objects.all()
    ).values_list("pk", flat=True)
    assert list(rows) == [twice.pk]
    assert found(parked_after="2000-01-01") == {command.pk, twice.pk}


def test_waiting_for_code_is_true_or_false(command):
    waiting = CommandFactory(handler_missing_since=BusNow())
    assert found(waiting_for_code="true") == found(waiting_for_code="True") == {waiting.pk}
    assert found(waiting_for_code="false") == {command.pk}
    assert found(waiting_for_code="") == {waiting.pk, command.pk}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("status", "DONE"),
        ("older_than", "soon"),
        ("created_after", "yesterday"),
        ("created_before", "2026-13-01"),
        ("completed_after", "x"),
        ("parked_after", "x"),
        ("waiting_for_code", "perhaps"),
        ("id", "17"),
        ("correlation_id", "x"),
        ("domain", "a\x00b"),
        ("search", "x" * 201),
        ("command_type", "Charge"),
        ("created_at__year", "2026"),
    ],
)
def test_what_will_not_do_is_an_error_that_names_the_word(word, value):
    with pytest.raises(InvalidFilter) as refused:
        found(**{"type": "Charge", word: value})
    assert list(refused.value.errors) == [word]
    assert refused.value.message.startswith(f"{word}: ")


def test_processes_are_chosen_and_refused_alike():
    process = ProcessFactory()
    ProcessFactory(process_type="Other")
    rows = Process.objects.all()
    assert list(chosen(ProcessFilter, {"type": process.process_type}, rows)) == [process]
    with pytest.raises(InvalidFilter, match="there are status, domain, type, step") as refused:
        chosen(ProcessFilter, {"colour": "red", "status": "DONE"}, rows)
    assert list(refused.value.errors) == ["colour", "status"]

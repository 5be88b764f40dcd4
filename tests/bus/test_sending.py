"""Sending: durable, idempotent, all or none, and refused with a word about what is wrong."""

import uuid
from enum import StrEnum
from threading import Event

import pytest
from django.db import transaction

from processes.bus.errors import DuplicateCommand, InvalidCommandData
from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.sending import CommandRequest, send_command, send_commands
from tests.bus.delivering import event_types, send, stored
from tests.bus.unfit import FIT_VALUES, UNFIT_VALUES
from tests.support.behaviours import succeed
from tests.support.sessions import in_other_session, run_together

pytestmark = pytest.mark.django_db

ID = uuid.UUID(int=7)


class Kind(StrEnum):
    FIRST = "First"


def test_a_sent_command_is_pending_and_due_with_one_event():
    correlation_id = uuid.uuid4()

    sent = send_command(
        "Type", {"n": 1}, domain="d", correlation_id=str(correlation_id), reply_to="me"
    )

    assert (sent.domain, sent.command_type, sent.data) == ("d", "Type", {"n": 1})
    assert (sent.correlation_id, sent.reply_to) == (correlation_id, "me")
    assert (sent.status, sent.attempts, sent.deliveries) == ("PENDING", 0, 0)
    assert (sent.alone, sent.completed_at, sent.parked_at) == (False, None, None)
    assert list(Command.objects.due()) == [sent]
    assert event_types(sent) == ["SENT"]
    assert not Reply.objects.exists()


def test_without_an_id_each_command_gets_its_own():
    assert send().pk != send().pk
    assert Command.objects.count() == 2


@pytest.mark.parametrize("value", FIT_VALUES.values(), ids=FIT_VALUES)
def test_data_that_can_be_kept_is_kept(value):
    assert list(send(data={"value": value}).data) == ["value"]


def test_max_attempts_is_the_argument_else_the_handlers_else_the_setting(
    register_handler, settings
):
    settings.COMMANDBUS = {**settings.COMMANDBUS, "MAX_ATTEMPTS": 4}
    register_handler("Patient", succeed(), max_attempts=6)

    assert send("Patient", max_attempts=2).max_attempts == 2
    assert send("Patient").max_attempts == 6
    assert send("Unknown").max_attempts == 4


def test_max_attempts_is_fixed_when_sent(register_handler, settings):
    sent = send("Later")
    register_handler("Later", succeed(), max_attempts=9)

    assert stored(sent).max_attempts == settings.COMMANDBUS["MAX_ATTEMPTS"]


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"a": 1, "b": [1, {"c": 2}]}, {"b": [1, {"c": 2}], "a": 1}),
        ({"n": 1}, {"n": 1.0}),
        ({"n": 1e2}, {"n": 100}),
        ({"t": "é"}, {"t": "\u00e9"}),
        ({1: "a"}, {"1": "a"}),
    ],
    ids=["key order", "1 and 1.0", "1e2 and 100", "escaped", "number as key"],
)
def test_the_same_id_with_the_same_content_is_the_same_command(first, again):
    sent = send(data=first, command_id=ID)

    assert send(data=again, command_id=str(ID)) == sent
    assert (Command.objects.count(), CommandEvent.objects.count()) == (1, 1)


def test_a_command_that_moved_on_is_still_the_same_command():
    sent = send(command_id=ID, max_attempts=2)
    Command.objects.filter(pk=ID).update(status="IN_PROGRESS", attempts=1, deliveries=1)

    assert send(command_id=ID, max_attempts=5).max_attempts == 2
    assert (stored(sent).status, stored(sent).deliveries) == ("IN_PROGRESS", 1)


@pytest.mark.parametrize(
    "other",
    [
        {"command_type": "Other"},
        {"domain": "other"},
        {"data": {"n": 2}},
        {"data": {"n": "1"}},
        {"data": {"n": 1, "m": None}},
        {"correlation_id": uuid.uuid4()},
        {"correlation_id": None},
        {"reply_to": "other"},
        {"reply_to": ""},
    ],
)
def test_the_same_id_with_other_content_is_refused(other):
    content = {
        "command_type": "Type",
        "domain": "d",
        "data": {"n": 1},
        "correlation_id": uuid.UUID(int=1),
        "reply_to": "me",
    }
    sent = send_command(**content, command_id=ID)

    with pytest.raises(DuplicateCommand, match=str(ID)):
        send_command(**content | other, command_id=ID)

    assert (stored(sent).data, stored(sent).command_type) == ({"n": 1}, "Type")
    assert (Command.objects.count(), CommandEvent.objects.count()) == (1, 1)


def test_many_are_sent_in_the_given_order():
    ids = [uuid.uuid4() for _ in range(5)]

    sent = send_commands(CommandRequest("T", {"id": str(i)}, "d", command_id=i) for i in ids)

    assert [command.pk for command in sent] == ids
    assert [command.data["id"] for command in sent] == [str(i) for i in ids]
    assert CommandEvent.objects.count() == 5


def test_none_is_nothing_to_send():
    assert send_commands([]) == []


def test_one_that_cannot_be_sent_means_none_is():
    requests = [CommandRequest("T", {}, "d"), CommandRequest("T", {"bad": {1}}, "d")]

    with pytest.raises(InvalidCommandData):
        send_commands(requests)

    assert not Command.objects.exists()


def test_one_whose_id_is_taken_means_none_is_sent():
    send_command("T", {}, domain="d", command_id=ID)

    with pytest.raises(DuplicateCommand):
        send_commands(
            [CommandRequest("T", {}, "d"), CommandRequest("T", {"n": 1}, "d", command_id=ID)]
        )

    assert Command.objects.count() == 1


def test_the_same_command_twice_in_one_call_is_one_command():
    request = CommandRequest("T", {"n": 1}, "d", command_id=ID)

    first, second = send_commands([request, request])

    assert first == second
    assert (Command.objects.count(), CommandEvent.objects.count()) == (1, 1)


def test_one_id_with_two_contents_in_one_call_is_refused():
    requests = [CommandRequest("T", {"n": n}, "d", command_id=ID) for n in (1, 2)]

    with pytest.raises(DuplicateCommand):
        send_commands(requests)

    assert not Command.objects.exists()


def test_names_may_be_members_of_an_enumeration():
    plain, member = send_commands(
        [CommandRequest("T", {}, "d"), CommandRequest(Kind.FIRST, {}, "d")]
    )

    assert (plain.command_type, member.command_type) == ("T", "First")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command_type", ""),
        ("command_type", "x" * 201),
        ("command_type", "a\x00b"),
        ("command_type", "two\nlines"),
        ("command_type", None),
        ("domain", ""),
        ("domain", "\ud800"),
        ("domain", 5),
        ("domain", ["d"]),
        ("reply_to", "x" * 201),
        ("reply_to", None),
        ("reply_to", {}),
        ("command_id", "no uuid"),
        ("command_id", 5),
        ("correlation_id", "no uuid"),
        ("max_attempts", 0),
        ("max_attempts", -1),
        ("max_attempts", 1001),
        ("max_attempts", 2.5),
        ("max_attempts", "3"),
        ("max_attempts", True),
        ("data", [1]),
        ("data", "text"),
        ("data", None),
    ],
)
def test_what_cannot_be_sent_is_refused_naming_the_field(field, value):
    content = {"command_type": "T", "data": {}, "domain": "d", field: value}

    with pytest.raises(InvalidCommandData, match=field):
        send_command(**content)

    assert not Command.objects.exists()


@pytest.mark.parametrize("value", UNFIT_VALUES.values(), ids=UNFIT_VALUES)
def test_data_that_cannot_be_kept_is_refused(value):
    with pytest.raises(InvalidCommandData, match=r"data of 'Test' cannot be stored: \S"):
        send(data={"value": value})

    assert not Command.objects.exists()


def test_the_engines_address_is_reserved():
    with pytest.raises(InvalidCommandData, match="'processes' is reserved"):
        send_command("T", {}, domain="d", reply_to="processes")

    assert not Command.objects.exists()


def test_what_the_caller_rolls_back_was_never_sent():
    with transaction.atomic():
        send()
        transaction.set_rollback(True)

    assert not Command.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_senders_of_one_id_at_the_same_moment_send_one_command():
    def send_it() -> Command:
        return send(data={"n": 1}, command_id=ID)

    answers = run_together(*[send_it] * 8)

    assert {answer.pk for answer in answers} == {ID}
    assert (Command.objects.count(), CommandEvent.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_sender_waits_for_another_transaction_with_its_id_to_learn_its_content():
    sent, may_commit = Event(), Event()

    def send_slowly() -> None:
        with transaction.atomic():
            send(data={"n": 1}, command_id=ID)
            sent.set()
            assert may_commit.wait(10)

    slow = in_other_session(send_slowly)
    assert sent.wait(10)
    other = in_other_session(lambda: send(data={"n": 2}, command_id=ID))
    may_commit.set()
    slow.result(10)

    assert isinstance(other.exception(10), DuplicateCommand)
    assert Command.objects.get().data == {"n": 1}

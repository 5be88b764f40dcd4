"""What must never be is refused by the database itself, whoever writes it."""

import pytest
from django.db import IntegrityError

from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.states import CommandStatus
from tests.factories import (
    COMMAND_TRAITS,
    CommandEventFactory,
    CommandFactory,
    ReplyFactory,
)

pytestmark = pytest.mark.django_db

NOW = Command._meta.get_field("created_at").db_default


def assert_refused(row, constraint: str, **change) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        type(row).objects.filter(pk=row.pk).update(**change)


@pytest.mark.parametrize(
    ("traits", "change", "constraint"),
    [
        ({}, {"status": "DONE"}, "command_status_known"),
        ({"in_progress": True}, {"status": "COMPLETED"}, "command_final_has_its_time"),
        ({"in_progress": True}, {"status": "FAILED"}, "command_final_has_its_time"),
        ({"parked": True}, {"status": "CANCELED"}, "command_final_has_its_time"),
        ({}, {"completed_at": NOW}, "command_final_has_its_time"),
        ({"parked": True}, {"completed_at": NOW}, "command_final_has_its_time"),
        ({"parked": True}, {"parked_at": None}, "command_parked_has_time_and_error"),
        ({"parked": True}, {"last_error_code": ""}, "command_parked_has_time_and_error"),
        ({"parked": True}, {"status": "PENDING"}, "command_waiting_is_not_parked"),
        ({"in_progress": True}, {"parked_at": NOW}, "command_waiting_is_not_parked"),
        ({}, {"max_attempts": 0}, "command_attempts_within_bounds"),
        ({"deliveries": 9}, {"attempts": 4}, "command_attempts_within_bounds"),
        ({"deliveries": 1}, {"attempts": 2}, "command_attempts_within_bounds"),
        ({}, {"status": "IN_PROGRESS"}, "command_in_progress_was_delivered"),
        ({}, {"attempts": -1}, "attempts_check"),
        ({}, {"deliveries": -1}, "deliveries_check"),
    ],
)
def test_an_impossible_command_is_refused(traits, change, constraint):
    assert_refused(CommandFactory(**traits), constraint, **change)


@pytest.mark.parametrize("status", CommandStatus)
def test_a_legal_command_is_not(status):
    command = CommandFactory(**COMMAND_TRAITS[status])

    assert Command.objects.filter(pk=command.pk).update(status=status) == 1


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"outcome": "MAYBE"}, "reply_outcome_known"),
        ({"reply_to": ""}, "reply_has_an_address"),
        ({"tries": -1}, "tries_check"),
    ],
)
def test_an_impossible_reply_is_refused(change, constraint):
    assert_refused(ReplyFactory(), constraint, **change)


@pytest.mark.parametrize("first", ["SUCCESS", "FAILED", "CANCELED"])
@pytest.mark.parametrize("second", ["SUCCESS", "FAILED", "CANCELED"])
def test_a_second_final_reply_is_refused(first, second):
    reply = ReplyFactory(outcome=first)

    with pytest.raises(IntegrityError, match="reply_one_final_per_command"):
        ReplyFactory(command=reply.command, outcome=second)


def test_notices_may_come_any_number_of_times():
    command = ReplyFactory().command
    for outcome in ("PARKED", "REQUEUED", "PARKED", "REQUEUED"):
        ReplyFactory(command=command, outcome=outcome)

    assert Reply.objects.filter(command=command).count() == 5


def test_an_event_of_no_known_type_is_refused():
    with pytest.raises(IntegrityError, match="event_type_known"):
        CommandEventFactory(type="NOTHING")


def test_the_log_is_only_ever_added_to():
    assert_refused(CommandEventFactory(), "only ever added, never changed", type="PARKED")


def test_every_check_of_the_bus_is_tested_here():
    constraints = {c.name for m in (Command, Reply, CommandEvent) for c in m._meta.constraints}

    assert constraints == {
        "command_status_known",
        "command_final_has_its_time",
        "command_parked_has_time_and_error",
        "command_waiting_is_not_parked",
        "command_attempts_within_bounds",
        "command_in_progress_was_delivered",
        "reply_one_final_per_command",
        "reply_outcome_known",
        "reply_has_an_address",
        "event_type_known",
    }

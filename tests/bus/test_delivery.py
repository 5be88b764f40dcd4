"""What becomes of a command for everything a handler may do: row, log and replies."""

from datetime import timedelta

import pytest
from django.db import connection

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
from tests.bus.unfit import UNFIT_VALUES, UnprintableError, nested
from tests.support.behaviours import (
    business,
    in_turn,
    permanent,
    raising,
    succeed,
    transient,
)

pytestmark = pytest.mark.django_db

PARKED = "IN_TROUBLESHOOTING_QUEUE"


@pytest.fixture(params=[True, False], ids=["transactional", "in a thread"])
def deliver_one(request, register_handler):
    """Send one command to a handler that behaves as told, let a worker run, return the command."""

    def deliver(behaviour, **options) -> Command:
        register_handler("Test", behaviour, transactional=request.param, **options)
        command = send()
        run_until_idle()
        return stored(command)

    return deliver


@pytest.mark.parametrize("result", [None, {}, {"sum": 3, "text": "Größe"}])
def test_a_result_completes_the_command(deliver_one, result):
    command = deliver_one(succeed(result))

    assert (command.status, command.attempts, command.deliveries) == ("COMPLETED", 1, 1)
    assert command.completed_at is not None
    assert (command.last_error_code, command.parked_at) == ("", None)
    reply = command.replies.get()
    assert (reply.outcome, reply.data) == ("SUCCESS", result)
    assert (reply.reply_to, reply.correlation_id) == ("test-sender", command.correlation_id)
    assert (reply.handled_at, reply.tries) == (None, 0)
    assert event_types(command) == ["SENT", "COMPLETED"]


@pytest.mark.parametrize("result", ["text", [1], 3, True, ("a",)])
def test_a_result_of_a_wrong_type_parks_as_invalid(deliver_one, result):
    command = deliver_one(succeed(result))

    assert (command.status, command.last_error_code) == (PARKED, "INVALID_RESULT")
    assert (event_types(command), reply_outcomes(command)) == (["SENT", "PARKED"], ["PARKED"])


@pytest.mark.parametrize("value", UNFIT_VALUES.values(), ids=UNFIT_VALUES)
def test_a_result_that_cannot_be_kept_parks_as_invalid(deliver_one, value):
    command = deliver_one(succeed({"value": value}))

    assert (command.status, command.last_error_code) == (PARKED, "INVALID_RESULT")
    assert (event_types(command), reply_outcomes(command)) == (["SENT", "PARKED"], ["PARKED"])


def test_a_transient_error_is_retried_after_the_backoff(deliver_one):
    command = deliver_one(transient("BUSY", "try later"), backoff=(10.0, 60.0))

    assert (command.status, command.attempts) == ("PENDING", 1)
    assert (command.last_error_code, command.last_error_message) == ("BUSY", "try later")
    assert (command.completed_at, command.parked_at) == (None, None)
    assert timedelta(seconds=9) <= command.available_at - command.updated_at
    assert command.available_at - command.updated_at <= timedelta(seconds=11)
    assert event_types(command) == ["SENT", "RETRY_SCHEDULED"]
    assert reply_outcomes(command) == []


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("no such thing"), "ValueError", "no such thing"),
        (SystemExit("bye"), "SystemExit", "bye"),
        (RecursionError("too deep"), "RecursionError", "too deep"),
        (
            UnprintableError(),
            "UnprintableError",
            "<UnprintableError whose text failed with RuntimeError>",
        ),
        (ValueError("a\x00b\ud800"), "ValueError", "a\N{REPLACEMENT CHARACTER}b?"),
    ],
)
def test_any_other_exception_is_retried_too(deliver_one, error, code, message):
    command = deliver_one(raising(error))

    assert (command.status, command.attempts) == ("PENDING", 1)
    assert (command.last_error_code, command.last_error_message) == (code, message)
    assert event_types(command) == ["SENT", "RETRY_SCHEDULED"]


def test_a_permanent_error_parks_at_once(deliver_one):
    command = deliver_one(permanent("BROKEN", "no way"))

    assert (command.status, command.attempts) == (PARKED, 1)
    assert (command.last_error_code, command.last_error_message) == ("BROKEN", "no way")
    assert command.parked_at is not None
    assert command.completed_at is None
    assert len(command.fingerprint) == 32
    assert event_types(command) == ["SENT", "PARKED"]
    reply = command.replies.get()
    assert (reply.outcome, reply.data) == ("PARKED", None)
    assert (reply.error_code, reply.error_message) == ("BROKEN", "no way")


def test_a_business_error_fails_without_the_tsq(deliver_one):
    command = deliver_one(business("REFUSED", "not allowed"))

    assert (command.status, command.attempts) == ("FAILED", 1)
    assert (command.last_error_code, command.last_error_message) == ("REFUSED", "not allowed")
    assert command.completed_at is not None
    assert command.parked_at is None
    assert event_types(command) == ["SENT", "FAILED"]
    reply = command.replies.get()
    assert (reply.outcome, reply.error_code, reply.error_message) == (
        "FAILED",
        "REFUSED",
        "not allowed",
    )


def test_codes_messages_and_details_never_spoil_an_outcome(deliver_one):
    command = deliver_one(permanent("C\x00" * 300, "m\x00\udfff" * 9_000, {"seen": {1, "\x00"}}))

    assert command.status == PARKED
    assert (len(command.last_error_code), len(command.last_error_message)) == (200, 10_000)
    assert isinstance(last_event(command).details["details"], str)


def test_details_are_kept_in_the_log(deliver_one):
    command = deliver_one(permanent(details={"account": 17}))

    assert last_event(command).details["details"] == {"account": 17}


def test_a_command_without_address_has_no_replies(register_handler):
    register_handler("Test", succeed({"sum": 3}))
    command = send()
    Command.objects.filter(pk=command.pk).update(reply_to="")

    run_until_idle()

    assert (stored(command).status, reply_outcomes(command)) == ("COMPLETED", [])


def test_retries_end_in_the_tsq(clock, register_handler):
    register_handler("Test", transient())
    command = send()

    for wait in (0, 11, 66):
        clock.advance(wait)
        run_until_idle()

    command = stored(command)
    assert (command.status, command.attempts, command.deliveries) == (PARKED, 3, 3)
    assert event_types(command) == ["SENT", "RETRY_SCHEDULED", "RETRY_SCHEDULED", "PARKED"]
    assert reply_outcomes(command) == ["PARKED"]


def test_a_retry_that_succeeds_keeps_the_last_error_for_the_record(clock, register_handler):
    register_handler("Test", in_turn(transient(), succeed({"sum": 3})))
    command = send()

    run_until_idle()
    clock.advance(11)
    run_until_idle()

    command = stored(command)
    assert (command.status, command.attempts, command.last_error_code) == ("COMPLETED", 2, "BUSY")
    assert event_types(command) == ["SENT", "RETRY_SCHEDULED", "COMPLETED"]
    assert reply_outcomes(command) == ["SUCCESS"]


@pytest.mark.parametrize(("backoff", "waits"), [(None, (10, 60, 300, 300)), ((5.0,), (5, 5, 5, 5))])
def test_the_waits_are_the_handlers_else_the_settings(clock, register_handler, backoff, waits):
    register_handler("Test", transient(), backoff=backoff)
    command = send(max_attempts=9)

    for wait in waits:
        run_until_idle()
        waiting = (stored(command).available_at - clock.now()).total_seconds()
        assert wait * 0.9 <= waiting <= wait * 1.1
        clock.advance(waiting)


def test_jitter_lets_commands_that_failed_together_come_back_apart(register_handler):
    register_handler("Test", transient())
    for _ in range(20):
        send()

    run_until_idle()

    assert len(set(Command.objects.values_list("available_at", flat=True))) == 20


def test_the_log_keeps_every_failed_attempt(clock, register_handler):
    register_handler("Test", in_turn(transient("ONE", "first"), raising(OSError("second"))))
    command = send(max_attempts=2)
    times = []

    for wait in (0, 11):
        clock.advance(wait)
        times.append(clock.now())
        run_until_idle()

    failed = command.events.filter(type__in=["RETRY_SCHEDULED", "PARKED"])
    kept = [(e.details["error_code"], e.details["error_message"], e.delivery) for e in failed]
    assert kept == [("ONE", "first", 1), ("OSError", "second", 2)]
    assert [event.details["attempt"] for event in failed] == [1, 2]
    for event, time in zip(failed, times, strict=True):
        assert time <= event.at < time + timedelta(seconds=5)
    for event in failed:
        assert event.details["traceback"].startswith("Traceback (most recent call last)")
        assert event.details["error_message"] in event.details["traceback"].splitlines()[-1]


def test_a_command_is_run_once_only(register_handler):
    ran = []
    register_handler("Test", lambda message: ran.append(message.command_id))
    command = send()

    run_until_idle()
    run_until_idle()

    assert ran == [command.pk]


def test_the_data_a_handler_gets_is_its_own(clock, register_handler):
    seen = []

    def spoil(message):
        seen.append(dict(message.data))
        message.data["n"] = "spoiled"
        transient()(message)

    register_handler("Test", spoil)
    command = send(data={"n": 1})
    run_until_idle()
    clock.advance(11)
    run_until_idle()

    assert seen == [{"n": 1}, {"n": 1}]
    assert stored(command).data == {"n": 1}


def test_the_deepest_data_that_can_be_sent_can_be_delivered(register_handler):
    register_handler("Test", succeed())
    neighbour, deepest = send(), _send_as_deep_as_possible()

    _from_deeper_in_the_stack(run_until_idle)

    assert stored(neighbour).status == stored(deepest).status == "COMPLETED"


def test_details_of_any_depth_harm_nobody(register_handler):
    register_handler("Test", succeed())
    register_handler("Deep", lambda m: permanent(details={"deep": nested(m.data["depth"])})(m))
    for depth in range(850, 1000):
        send("Deep", {"depth": depth})
    neighbour = send()

    deliver_claims(claim_due("Deep", "Test", most=200))

    assert stored(neighbour).status == "COMPLETED"
    assert set(Command.objects.values_list("status", flat=True)) == {"COMPLETED", PARKED}


def _send_as_deep_as_possible() -> Command:
    for depth in range(1000, 0, -1):
        try:
            return send(data={"deep": nested(depth)})
        except Exception:
            continue
    raise AssertionError("nothing could be sent")


def _from_deeper_in_the_stack(function, frames: int = 60) -> None:
    if frames:
        _from_deeper_in_the_stack(function, frames - 1)
    else:
        function()


def test_an_outcome_has_the_time_when_it_was_settled(register_handler):
    """And not the time when the transaction began, which is as old as the batch."""
    ended = []

    def touch_the_database(message):
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp() FROM pg_sleep(0.01)")
            ended.extend(cursor.fetchone())

    register_handler("Test", touch_the_database)
    command = send()

    run_until_idle()

    assert stored(command).completed_at > ended[0]
    assert command.events.get(type="COMPLETED").at > ended[0]

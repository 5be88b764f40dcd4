"""What an outcome means for its command: pure, no database."""

import json

import pytest

from processes.bus.judgement import Policy, fingerprint, judge
from processes.bus.outcomes import Failed, LeaseLost, NoHandler, Severity, Succeeded, Unrun
from processes.bus.states import EventType, ReplyOutcome

POLICY = Policy(max_attempts=3, backoff=(10.0, 60.0, 300.0))
ERROR = ("BUSY", "try later")


def failure(severity: Severity) -> Failed:
    return Failed(severity, *ERROR, {"traceback": "..."})


def test_a_result_completes_the_command_and_answers_with_it():
    decision = judge(Succeeded('{"sum": 3}'), 1, POLICY)

    assert (decision.transition, decision.event) == ("succeed", EventType.COMPLETED)
    assert (decision.reply, decision.result) == (ReplyOutcome.SUCCESS, '{"sum": 3}')
    assert (decision.error, decision.log_entry()) == (None, None)


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_transient_error_is_retried_while_attempts_are_left(attempt):
    decision = judge(failure(Severity.TRANSIENT), attempt, POLICY)

    assert (decision.transition, decision.event) == ("schedule_retry", EventType.RETRY_SCHEDULED)
    assert (decision.reply, decision.result, decision.error) == (None, None, ERROR)


@pytest.mark.parametrize("attempt", [3, 4])
def test_a_transient_error_on_the_last_attempt_parks(attempt):
    decision = judge(failure(Severity.TRANSIENT), attempt, POLICY)

    assert (decision.transition, decision.event) == ("park", EventType.PARKED)
    assert (decision.reply, decision.error) == (ReplyOutcome.PARKED, ERROR)


def test_a_permanent_error_parks_at_once():
    decision = judge(failure(Severity.PERMANENT), 1, POLICY)

    assert (decision.transition, decision.reply) == ("park", ReplyOutcome.PARKED)


@pytest.mark.parametrize("attempt", [1, 3])
def test_a_business_error_fails_the_command_whatever_the_attempt(attempt):
    decision = judge(failure(Severity.BUSINESS), attempt, POLICY)

    assert (decision.transition, decision.event) == ("reject", EventType.FAILED)
    assert (decision.reply, decision.error) == (ReplyOutcome.FAILED, ERROR)


def test_an_unrun_command_is_released_due_now_and_nobody_is_told():
    decision = judge(Unrun("stopping"), 1, POLICY)

    assert (decision.transition, decision.event) == ("release", EventType.RELEASED)
    assert (decision.delay, decision.reply, decision.error) == (0.0, None, None)
    assert json.loads(decision.log_entry()) == {"why": "stopping"}


def test_a_command_whose_last_attempts_lost_their_leases_parks_as_lease_expired():
    decision = judge(LeaseLost(), 3, POLICY)

    assert (decision.transition, decision.reply) == ("park", ReplyOutcome.PARKED)
    assert decision.error[0] == "LEASE_EXPIRED"


def test_a_lost_lease_with_attempts_left_is_due_again_at_once():
    decision = judge(LeaseLost(), 2, POLICY)

    assert (decision.transition, decision.event) == ("schedule_retry", EventType.RETRY_SCHEDULED)
    assert (decision.delay, decision.reply, decision.counted) == (0.0, None, True)
    assert decision.error[0] == "LEASE_EXPIRED"
    assert json.loads(decision.log_entry())["attempt"] == 2


def test_without_a_handler_a_command_is_set_aside_for_a_minute():
    policy = Policy(3, (10.0,), waited_for_code=599.0, patience_for_code=600.0)

    decision = judge(NoHandler(), 1, policy)

    assert (decision.transition, decision.event) == ("release", EventType.RELEASED)
    assert (decision.delay, decision.handler_missing, decision.reply) == (60.0, True, None)


def test_without_a_handler_for_too_long_a_command_parks():
    policy = Policy(3, (10.0,), waited_for_code=600.0, patience_for_code=600.0)

    decision = judge(NoHandler(), 1, policy)

    assert (decision.transition, decision.error[0]) == ("park", "NO_HANDLER")
    assert (decision.reply, decision.handler_missing) == (ReplyOutcome.PARKED, False)


@pytest.mark.parametrize(("attempt", "wait"), [(1, 10.0), (2, 60.0), (3, 300.0), (9, 300.0)])
def test_the_nth_wait_follows_the_nth_failed_attempt_and_the_last_repeats(attempt, wait):
    policy = Policy(max_attempts=10, backoff=(10.0, 60.0, 300.0))

    assert judge(failure(Severity.TRANSIENT), attempt, policy, jitter=0.5).delay == wait


@pytest.mark.parametrize(("jitter", "wait"), [(0.0, 54.0), (0.25, 57.0), (1.0, 66.0)])
def test_jitter_spreads_a_wait_by_a_tenth_to_either_side(jitter, wait):
    assert POLICY.wait_after(2, jitter) == pytest.approx(wait)


def test_the_log_keeps_the_error_first_then_what_else_is_known():
    decision = judge(failure(Severity.TRANSIENT), 2, POLICY, jitter=0.5)

    assert list(json.loads(decision.log_entry()).items()) == [
        ("error_code", "BUSY"),
        ("error_message", "try later"),
        ("attempt", 2),
        ("traceback", "..."),
        ("retry_in_seconds", 60.0),
    ]


def test_errors_that_differ_only_in_numbers_and_ids_have_one_fingerprint():
    one = "account 17 of 0c3f8a52-1111-4222-8333-444455556666 at 0x7f001"
    other = "account 2049 of 9d3f8a52-aaaa-4bbb-8ccc-ddddeeeeffff at 0x1"

    assert fingerprint("d", "T", "C", one) == fingerprint("d", "T", "C", other)
    assert len(fingerprint("d", "T", "C", one)) == 32


@pytest.mark.parametrize(
    "differing",
    [("e", "T", "C", "no"), ("d", "U", "C", "no"), ("d", "T", "D", "no"), ("d", "T", "C", "yes")],
)
def test_errors_that_differ_in_anything_else_have_their_own(differing):
    assert fingerprint(*differing) != fingerprint("d", "T", "C", "no")

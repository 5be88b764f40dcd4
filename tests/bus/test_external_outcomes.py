"""What services report of commands: settled by the rules of every other command."""

import pytest

from processes.bus.errors import ClaimLost, InvalidCommandData, InvalidResult, NotExternal, NotFound
from processes.bus.external import (
    extend_lease,
    fail_external,
    release_external,
    succeed_external,
)
from processes.bus.models import Command
from processes.worker import run_until_idle
from tests.bus.delivering import event_types, last_event, reply_outcomes, send, stored
from tests.bus.shipping import NOBODY_KNOWS, everything, ship, take, take_one  # noqa: F401
from tests.factories import CommandFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ship")]


class TestOutcomes:
    def test_success_completes_and_answers_with_the_result(self):
        command = send("Ship")
        delivery = take_one()

        returned = succeed_external(
            delivery.command_id, delivery.deliveries, result={"parcel": 7}, worker="shipper-1"
        )

        assert returned == stored(command)
        assert (returned.status, returned.completed_at is not None) == ("COMPLETED", True)
        reply = command.replies.get()
        assert (reply.outcome, reply.data, reply.tries) == ("SUCCESS", {"parcel": 7}, 0)
        assert event_types(command) == ["SENT", "COMPLETED"]
        assert (last_event(command).actor, last_event(command).delivery) == ("shipper-1", 1)

    def test_a_transient_error_is_retried_after_the_declared_backoff(self, clock):
        command = send("Ship")

        fail_external(
            take_one().command_id,
            1,
            kind="transient",
            code="BUSY",
            message="dock 7 is full",
            details={"dock": 7},
            worker="shipper-1",
        )

        command = stored(command)
        assert (command.status, command.attempts) == ("PENDING", 1)
        wait = (command.available_at - clock.now()).total_seconds()
        assert 8.5 < wait < 11.1
        assert (command.last_error_code, command.last_error_message) == ("BUSY", "dock 7 is full")
        assert len(command.fingerprint) == 32
        assert (last_event(command).type, last_event(command).actor) == (
            "RETRY_SCHEDULED",
            "shipper-1",
        )
        assert last_event(command).details["details"] == {"dock": 7}
        assert reply_outcomes(command) == []

    def test_a_transient_error_on_the_last_attempt_parks(self, clock):
        command = send("Ship")
        for deliveries in (1, 2):
            take_one()
            fail_external(
                command.pk, deliveries, kind="transient", code="BUSY", message="dock is full"
            )
            clock.advance(12)

        assert stored(command).status == "IN_TROUBLESHOOTING_QUEUE"
        assert reply_outcomes(command) == ["PARKED"]
        assert event_types(command) == ["SENT", "RETRY_SCHEDULED", "PARKED"]

    def test_a_permanent_error_parks_at_once(self):
        command = send("Ship")
        take_one()

        fail_external(command.pk, 1, kind="permanent", code="NO_ADDRESS", message="no street")

        assert stored(command).status == "IN_TROUBLESHOOTING_QUEUE"
        assert (reply_outcomes(command), event_types(command)[-1]) == (["PARKED"], "PARKED")

    def test_a_business_error_fails_the_command(self):
        command = send("Ship")
        take_one()

        fail_external(command.pk, 1, kind="business", code="EMBARGO", message="not there")

        assert stored(command).status == "FAILED"
        reply = command.replies.get()
        assert (reply.outcome, reply.error_code) == ("FAILED", "EMBARGO")

    def test_releasing_gives_the_attempt_back_but_not_the_token(self):
        command = send("Ship")
        take_one()

        release_external(command.pk, 1, why="going home", worker="shipper-1")

        command = stored(command)
        assert (command.status, command.attempts, command.deliveries) == ("PENDING", 0, 1)
        assert (last_event(command).type, last_event(command).actor) == ("RELEASED", "shipper-1")
        assert last_event(command).details == {"why": "going home"}
        assert (take_one().attempt, stored(command).deliveries) == (1, 2)

    def test_an_outcome_counts_after_the_lease_as_long_as_nobody_took_it_back(self, clock):
        command = send("Ship")
        take_one()
        clock.advance(3600)

        succeed_external(command.pk, 1)

        assert (stored(command).status, event_types(command)) == (
            "COMPLETED",
            ["SENT", "COMPLETED"],
        )


class TestRefusals:
    """Whatever is wrong with a call: a clear error, and nothing changes."""

    @pytest.mark.parametrize("result", [[1], "text", {"at": object()}, {"bad": "\x00"}])
    def test_a_result_that_cannot_be_kept(self, result):
        command = send("Ship")
        take_one()
        before = everything()

        with pytest.raises(InvalidResult, match=r"^result cannot be kept"):
            succeed_external(command.pk, 1, result=result)

        assert everything() == before

    @pytest.mark.parametrize(
        ("wrong", "named"),
        [
            ({"kind": "fatal"}, "^kind must be one of transient, permanent, business, not 'fatal'"),
            ({"kind": None}, "^kind must be"),
            ({"code": ""}, "^code must be 1 to 200 printable characters"),
            ({"code": "C" * 201}, "^code must be"),
            ({"code": 7}, "^code must be"),
            ({"message": " "}, "^message must say what went wrong"),
            ({"message": None}, "^message must"),
            ({"details": [1]}, "^details cannot be kept"),
            ({"details": {"bad": "\ud800"}}, "^details cannot be kept"),
        ],
    )
    def test_a_failure_that_does_not_say_how(self, wrong, named):
        command = send("Ship")
        take_one()
        before = everything()

        with pytest.raises(InvalidCommandData, match=named):
            fail_external(
                command.pk, 1, **{"kind": "permanent", "code": "C", "message": "no"} | wrong
            )

        assert everything() == before

    @pytest.mark.parametrize("command_id", [NOBODY_KNOWS, "no id", None])
    def test_an_unknown_id(self, command_id):
        for call in self.calls(command_id, 1):
            with pytest.raises(NotFound):
                call()

    def test_a_command_executed_here(self, register_handler):
        register_handler("Local", lambda _: None)
        command = CommandFactory(command_type="Local", in_progress=True)
        before = everything()

        for call in self.calls(command.pk, 1):
            with pytest.raises(NotExternal, match="'Local' of domain 'test'"):
                call()

        assert everything() == before

    @pytest.mark.parametrize("deliveries", [0, -1, "1", True, None])
    def test_what_is_no_fencing_token(self, deliveries):
        command = send("Ship")
        take_one()
        before = everything()

        for call in self.calls(command.pk, deliveries):
            with pytest.raises(InvalidCommandData, match=r"^deliveries must be the number"):
                call()

        assert everything() == before

    def test_a_token_that_was_never_given_out_is_not_logged_either(self):
        command = send("Ship")
        take_one()
        before = everything()

        for call in self.calls(command.pk, 2**40):
            with pytest.raises(ClaimLost):
                call()

        assert everything() == before

    @staticmethod
    def calls(command_id, deliveries):
        failure = {"kind": "permanent", "code": "C", "message": "no"}
        return [
            lambda: extend_lease(command_id, deliveries, lease_seconds=9),
            lambda: release_external(command_id, deliveries),
            lambda: succeed_external(command_id, deliveries),
            lambda: fail_external(command_id, deliveries, **failure),
        ]


class TestLateOutcomes:
    def test_a_late_success_is_logged_and_changes_nothing(self, clock):
        command = send("Ship")
        take_one()
        clock.advance(31)
        run_until_idle()
        second = take_one()
        before = Command.objects.values().get()

        with pytest.raises(ClaimLost, match="handed out anew, as delivery 2") as refusal:
            succeed_external(command.pk, 1, result={"n": 1}, worker="slow")

        assert refusal.value.code == "CLAIM_LOST"
        assert (refusal.value.state, refusal.value.action) == ("IN_PROGRESS", "claim")
        assert refusal.value.at is not None
        assert Command.objects.values().get() == before
        assert reply_outcomes(command) == []
        late = last_event(command)
        assert (late.type, late.delivery, late.actor) == ("LATE_OUTCOME", 1, "slow")
        assert late.details["outcome"] == "COMPLETED"

        succeed_external(command.pk, second.deliveries, result={"n": 2})
        assert command.replies.get().data == {"n": 2}

    def test_the_refusal_tells_who_settled_it_and_how(self):
        command = send("Ship")
        take_one()
        succeed_external(command.pk, 1, worker="quick")

        for _ in range(2):
            with pytest.raises(ClaimLost, match=r"COMPLETED \(COMPLETED by quick, ") as refusal:
                fail_external(command.pk, 1, kind="permanent", code="C", message="no")

        lost = refusal.value
        settled = command.events.get(type="COMPLETED")
        assert (lost.state, lost.actor, lost.action) == ("COMPLETED", "quick", "COMPLETED")
        assert lost.at == settled.at
        assert event_types(command) == ["SENT", "COMPLETED", "LATE_OUTCOME", "LATE_OUTCOME"]
        late = last_event(command).details
        assert (late["outcome"], late["error_code"]) == ("permanent error", "C")

    def test_releasing_late_is_refused_and_not_logged(self):
        command = send("Ship")
        take_one()
        release_external(command.pk, 1)

        with pytest.raises(ClaimLost):
            release_external(command.pk, 1)

        assert event_types(command) == ["SENT", "RELEASED"]

"""External execution: handed out under a lease, settled by the rules of every other command."""

import uuid

import pytest

from processes.bus.errors import ClaimLost, InvalidCommandData, InvalidResult, NotExternal, NotFound
from processes.bus.external import (
    claim_external,
    extend_lease,
    external_due_in,
    fail_external,
    release_external,
    succeed_external,
)
from processes.bus.models import Command, CommandEvent, Reply
from processes.worker import run_until_idle
from tests.bus.delivering import event_types, last_event, reply_outcomes, send, stored
from tests.factories import CommandFactory
from tests.support.three_steps import DOMAIN

pytestmark = pytest.mark.django_db

NOBODY_KNOWS = uuid.UUID(int=404)


@pytest.fixture(autouse=True)
def ship(register_external):
    register_external("Ship", lease=30, backoff=(10,), max_attempts=2)


def take(limit: int = 1, **options):
    return claim_external(DOMAIN, ["Ship"], limit=limit, **options)


def take_one():
    (delivery,) = take()
    return delivery


def everything() -> list:
    """All that a refused call must leave as it was."""
    rows = [model.objects.order_by("pk").values() for model in (Command, Reply, CommandEvent)]
    return [list(values) for values in rows]


class TestClaiming:
    def test_a_delivery_tells_all_a_service_needs(self, clock):
        command = send("Ship", {"to": "Bern"}, correlation_id=uuid.UUID(int=1))

        delivery = take_one()

        assert (delivery.command_id, delivery.command_type) == (command.pk, "Ship")
        assert (delivery.domain, delivery.data) == (DOMAIN, {"to": "Bern"})
        assert delivery.correlation_id == uuid.UUID(int=1)
        assert (delivery.attempt, delivery.max_attempts, delivery.deliveries) == (1, 2, 1)
        assert (delivery.lease_until - clock.now()).total_seconds() == pytest.approx(30, abs=1)
        command = stored(command)
        assert command.available_at == delivery.lease_until
        assert (command.status, command.attempts, command.deliveries) == ("IN_PROGRESS", 1, 1)

    def test_the_lease_may_be_asked_for(self, clock):
        send("Ship")

        (delivery,) = take(lease_seconds=3600)

        assert (delivery.lease_until - clock.now()).total_seconds() == pytest.approx(3600, abs=1)

    def test_data_an_operator_mended_is_what_is_handed_out(self):
        CommandFactory(command_type="Ship", data={"to": "Bren"}, edited_data={"to": "Bern"})

        assert take_one().data == {"to": "Bern"}

    def test_the_ones_due_longest_come_first_and_in_order(self, clock):
        commands = []
        for _ in range(4):
            commands.append(send("Ship").pk)
            clock.advance(1)

        assert [delivery.command_id for delivery in take(3)] == commands[:3]
        assert [delivery.command_id for delivery in take(3)] == commands[3:]
        assert take(3) == []

    def test_only_the_named_types_are_taken_and_all_of_the_domain_if_none_is(
        self, register_external, register_handler
    ):
        register_external("Pack")
        register_external("Elsewhere", domain="other")
        register_handler("Local", lambda _: None)
        for name in ("Ship", "Pack", "Local"):
            send(name)
        CommandFactory(domain="other", command_type="Elsewhere")

        named = claim_external(DOMAIN, ["Ship", "Ship"], limit=10)
        rest = claim_external(DOMAIN, [], limit=10)

        assert [delivery.command_type for delivery in named] == ["Ship"]
        assert [delivery.command_type for delivery in rest] == ["Pack"]
        assert Command.objects.filter(status="PENDING").count() == 2

    def test_what_is_handed_out_or_not_due_is_left(self, clock):
        send("Ship")
        delivery = take_one()
        assert take() == []

        fail_external(delivery.command_id, 1, kind="transient", code="BUSY", message="later")
        assert take() == []

        clock.advance(11.1)
        assert take_one().attempt == 2

    @pytest.mark.parametrize(
        ("domain", "types", "named"),
        [
            (DOMAIN, ["Nothing"], "'Nothing' of domain 'test'.*those that are: Ship"),
            (DOMAIN, ["Ship", "Local"], "'Local' of domain 'test'.*those that are: Ship"),
            ("nowhere", [], "domain 'nowhere'.*those that are: none"),
        ],
    )
    def test_what_is_not_declared_is_refused_naming_what_is(
        self, register_handler, domain, types, named
    ):
        register_handler("Local", lambda _: None)
        send("Ship")
        before = everything()

        with pytest.raises(NotExternal, match=named):
            claim_external(domain, types, limit=1)
        with pytest.raises(NotExternal, match=named):
            external_due_in(domain, types)

        assert everything() == before

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"limit": 0}, "limit"),
            ({"limit": 101}, "limit"),
            ({"limit": True}, "limit"),
            ({"limit": 1, "lease_seconds": 0}, "lease_seconds"),
            ({"limit": 1, "lease_seconds": 3601}, "lease_seconds"),
            ({"limit": 1, "lease_seconds": 1.5}, "lease_seconds"),
        ],
    )
    def test_a_senseless_number_is_refused_naming_it(self, options, field):
        send("Ship")
        before = everything()

        with pytest.raises(InvalidCommandData, match=f"^{field} must be a whole number from 1"):
            claim_external(DOMAIN, [], **options)

        assert everything() == before


class TestWaiting:
    def test_nothing_waiting_is_never_due(self):
        CommandFactory(command_type="Ship", completed=True)
        CommandFactory(command_type="Ship", in_progress=True)

        assert external_due_in(DOMAIN, ["Ship"]) is None

    def test_what_is_due_is_due_now(self):
        send("Ship")

        assert external_due_in(DOMAIN, []) == 0.0

    def test_the_first_of_the_asked_types_counts(self, register_external, clock):
        register_external("Pack")
        send("Pack")
        send("Ship")
        fail_external(take_one().command_id, 1, kind="transient", code="BUSY", message="later")

        assert external_due_in(DOMAIN, ["Ship"]) == pytest.approx(10, abs=1.5)
        assert external_due_in(DOMAIN, ["Ship", "Pack"]) == 0.0


class TestExtending:
    def test_the_lease_ends_so_much_later(self, clock):
        send("Ship")
        delivery = take_one()
        clock.advance(25)

        until = extend_lease(delivery.command_id, 1, lease_seconds=100)

        assert (until - clock.now()).total_seconds() == pytest.approx(100, abs=1)
        clock.advance(99)
        run_until_idle()
        assert Command.objects.get().status == "IN_PROGRESS"
        assert Command.objects.get().available_at == until

    def test_a_claim_that_was_lost_is_not_extended_and_nothing_is_logged(self, clock):
        send("Ship")
        delivery = take_one()
        clock.advance(31)
        run_until_idle()
        before = everything()

        with pytest.raises(ClaimLost) as refusal:
            extend_lease(delivery.command_id, 1, lease_seconds=100)

        assert refusal.value.state == "PENDING"
        assert everything() == before

    @pytest.mark.parametrize("seconds", [0, -1, 3601, "60"])
    def test_a_senseless_lease_is_refused(self, seconds):
        send("Ship")
        delivery = take_one()
        before = everything()

        with pytest.raises(InvalidCommandData, match=r"^lease_seconds"):
            extend_lease(delivery.command_id, 1, lease_seconds=seconds)

        assert everything() == before


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

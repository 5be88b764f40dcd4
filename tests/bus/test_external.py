"""External execution: commands are handed out under a lease that can be extended."""

import uuid

import pytest

from processes.bus.errors import ClaimLost, InvalidCommandData, NotExternal
from processes.bus.external import (
    claim_external,
    extend_lease,
    external_due_in,
    fail_external,
)
from processes.bus.models import Command
from processes.worker import run_until_idle
from tests.bus.delivering import send, stored
from tests.bus.shipping import NOBODY_KNOWS, everything, ship, take, take_one  # noqa: F401
from tests.factories import CommandFactory
from tests.support.three_steps import DOMAIN

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ship")]


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

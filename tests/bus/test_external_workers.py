"""What workers do with commands executed externally: never run them, and end their leases."""

import pytest
from django.db import connection, transaction

from processes.bus.claims import claim_alone, claim_without_handler, overdue_commands_seconds
from processes.bus.ended_leases import end_leases
from processes.bus.errors import ClaimLost, DuplicateRegistration
from processes.bus.external import claim_external, fail_external, succeed_external
from processes.bus.handlers import (
    command_handler,
    external_command,
    find_handler,
    unregister_handler,
)
from processes.bus.models import Command
from processes.bus.wakeup import CHANNEL
from processes.models import Process
from processes.worker import run_until_idle, seconds_until_due
from tests.bus.delivering import (
    NOBODY,
    event_types,
    last_event,
    reply_outcomes,
    send,
    stored,
)
from tests.factories import CommandFactory
from tests.scenarios.reading import command_of, reload, status_of, trail_of
from tests.support.behaviours import succeed
from tests.support.sessions import in_other_session, run_together
from tests.support.three_steps import DOMAIN, Story
from tsq.operations import cancel, retry

pytestmark = pytest.mark.django_db


@pytest.fixture
def ship(register_external):
    register_external("Ship", lease=30, max_attempts=2)


@pytest.fixture
def story_with_b_outside(story, register_external) -> Story:
    unregister_handler(DOMAIN, "B")
    register_external("B", lease=30, max_attempts=2)
    return story


def take(limit: int = 1):
    return claim_external(DOMAIN, [], limit=limit)


class TestDeclaring:
    def test_it_has_the_options_of_a_handler_and_no_function(self, register_external):
        register_external(
            "Ship", max_attempts=5, backoff=(1, 2), lease=9, editable=True, result_fields=("id",)
        )

        handler = find_handler(DOMAIN, "Ship")
        assert handler.is_external
        assert (handler.max_attempts, handler.backoff_seconds()) == (5, (1, 2))
        assert (handler.lease_seconds(), handler.editable) == (9.0, True)
        assert handler.result_fields == ("id",)
        assert send("Ship").max_attempts == 5

    def test_a_type_is_executed_here_or_externally_not_both(self, ship, register_handler):
        register_handler("Local", succeed())
        message = r"'Ship' of domain 'test'.*by external services; .*behaviours\.succeed.*cannot"
        with pytest.raises(DuplicateRegistration, match=message):
            command_handler("Ship", domain=DOMAIN)(succeed())

        message = r"'Local' of domain 'test'.*by .*behaviours\.succeed.*; external services cannot"
        with pytest.raises(DuplicateRegistration, match=message):
            external_command("Local", domain=DOMAIN)
        with pytest.raises(DuplicateRegistration, match="external services"):
            external_command("Ship", domain=DOMAIN)

        assert find_handler(DOMAIN, "Ship").is_external
        assert not find_handler(DOMAIN, "Local").is_external

    @pytest.mark.parametrize("options", [{"max_attempts": 0}, {"backoff": ()}, {"lease": 0}])
    def test_senseless_options_are_refused(self, options):
        with pytest.raises(ValueError, match=f"Odd: {next(iter(options))}"):
            external_command("Odd", domain=DOMAIN, **options)
        assert find_handler(DOMAIN, "Odd") is None


@pytest.mark.usefixtures("ship")
class TestLeftAlone:
    def test_a_worker_neither_runs_nor_waits_for_what_is_due_elsewhere(self, clock):
        command = send("Ship")
        clock.advance(100)

        assert run_until_idle() == 0
        assert seconds_until_due() is None
        assert overdue_commands_seconds() == 0
        assert (claim_alone(), claim_without_handler()) == ([], [])
        assert (stored(command).status, stored(command).deliveries) == ("PENDING", 0)
        assert event_types(command) == ["SENT"]

    def test_a_worker_wakes_when_an_external_lease_ends(self, clock):
        send("Ship")
        take()

        assert seconds_until_due() == pytest.approx(30, abs=1)
        clock.advance(31)
        assert seconds_until_due() == 0

    def test_a_lost_external_command_hides_no_lost_local_one(self, register_handler, clock):
        register_handler("Local", succeed())
        send("Ship")
        take()
        clock.advance(31)
        local = CommandFactory(command_type="Local", in_progress=True)

        (held,) = claim_alone()

        assert held.command_id == local.pk


@pytest.mark.usefixtures("ship")
class TestEndedLeases:
    def test_a_lease_that_ended_frees_the_command_at_once(self, clock):
        command = send("Ship")
        take()
        clock.advance(31)

        run_until_idle()

        command = stored(command)
        assert (command.status, command.attempts, command.alone) == ("PENDING", 1, False)
        assert command.last_error_code == "LEASE_EXPIRED"
        assert event_types(command) == ["SENT", "RETRY_SCHEDULED"]
        assert last_event(command).details["attempt"] == 1
        assert reply_outcomes(command) == []
        (again,) = take()
        assert (again.attempt, again.deliveries) == (2, 2)

    def test_on_the_last_attempt_it_parks_and_an_operator_can_retry(self, clock):
        command = send("Ship")
        for _ in range(2):
            take()
            clock.advance(31)
            run_until_idle()

        parked = stored(command)
        assert (parked.status, parked.last_error_code) == (
            "IN_TROUBLESHOOTING_QUEUE",
            "LEASE_EXPIRED",
        )
        assert (reply_outcomes(command), parked.attempts) == (["PARKED"], 2)
        assert event_types(command) == ["SENT", "RETRY_SCHEDULED", "PARKED"]

        retry(command.pk, operator="ann")
        assert [delivery.attempt for delivery in take()] == [1]

    def test_a_lease_that_runs_is_not_touched(self, clock):
        send("Ship")
        take()
        clock.advance(29)

        assert end_leases(NOBODY).number == 0
        assert Command.objects.get().status == "IN_PROGRESS"

    def test_more_than_a_batch_are_all_taken_back(self, clock, settings):
        settings.COMMANDBUS = {**settings.COMMANDBUS, "BATCH_SIZE": 3}
        for _ in range(7):
            send("Ship")
        take(7)
        clock.advance(31)

        assert run_until_idle() == 7
        assert len(take(9)) == 7

    def test_what_was_to_run_alone_when_it_was_executed_here_can_be_claimed(self, clock):
        waiting = CommandFactory(command_type="Ship", alone=True, deliveries=1)
        lost = CommandFactory(command_type="Ship", alone=True, in_progress=True, max_attempts=2)
        clock.advance(1)

        run_until_idle()

        assert seconds_until_due() is None
        assert not Command.objects.filter(alone=True).exists()
        assert event_types(waiting) == []
        assert {delivery.command_id for delivery in take(5)} == {waiting.pk, lost.pk}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("ship")
class TestAtOnce:
    def test_eight_services_never_get_the_same_command(self):
        for _ in range(80):
            send("Ship")

        def take_all() -> list:
            taken = []
            while deliveries := take(3):
                taken += [delivery.command_id for delivery in deliveries]
            return taken

        taken = [command_id for ids in run_together(*[take_all] * 8) for command_id in ids]

        assert len(taken) == len(set(taken)) == 80
        assert set(Command.objects.values_list("deliveries", flat=True)) == {1}

    def test_eight_outcomes_of_one_claim_settle_it_once(self):
        command = send("Ship")
        take()

        outcomes = run_together(*[lambda: succeed_external(command.pk, 1)] * 8)

        assert sum(isinstance(outcome, Command) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, ClaimLost) for outcome in outcomes) == 7
        assert reply_outcomes(command) == ["SUCCESS"]
        assert sorted(event_types(command)) == ["COMPLETED", *["LATE_OUTCOME"] * 7, "SENT"]

    def test_workers_at_once_end_each_lease_once_and_skip_what_is_being_settled(self, clock):
        commands = [send("Ship") for _ in range(10)]
        take(10)
        clock.advance(31)

        with transaction.atomic():
            succeed_external(commands[0].pk, 1)
            ended = run_together(*[lambda: end_leases(NOBODY).number] * 4)

        assert sum(ended) == 9
        assert stored(commands[0]).status == "COMPLETED"
        assert all(event_types(c) == ["SENT", "RETRY_SCHEDULED"] for c in commands[1:])

    def test_the_log_of_a_late_outcome_stands_if_the_caller_commits(self):
        command = send("Ship")
        take()
        succeed_external(command.pk, 1)

        with transaction.atomic(), pytest.raises(ClaimLost):
            succeed_external(command.pk, 1)

        assert event_types(command) == ["SENT", "COMPLETED", "LATE_OUTCOME"]

    def test_an_outcome_is_undone_with_the_callers_transaction(self):
        command = send("Ship")
        take()

        with transaction.atomic():
            succeed_external(command.pk, 1)
            transaction.set_rollback(True)

        assert (stored(command).status, reply_outcomes(command)) == ("IN_PROGRESS", [])

    def test_an_outcome_wakes_the_workers_once(self):
        command = send("Ship")
        take()
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        in_other_session(lambda: succeed_external(command.pk, 1)).result(5)

        assert len(list(connection.connection.notifies(timeout=2, stop_after=1))) == 1
        assert list(connection.connection.notifies(timeout=0)) == []
        with connection.cursor() as cursor:
            cursor.execute(f"UNLISTEN {CHANNEL}")


class TestProcesses:
    def test_a_process_with_an_external_step_goes_all_the_way(self, story_with_b_outside):
        story = story_with_b_outside
        process = story.start()
        run_until_idle()
        assert story.steps_run == ["A"]
        assert command_of(process, "B").status == "PENDING"
        assert status_of(process) == "WAITING_FOR_REPLY"

        (delivery,) = take()
        assert delivery.data == {"results": {"A": {"did": "A"}}}
        assert delivery.correlation_id == process.pk
        succeed_external(delivery.command_id, delivery.deliveries, result={"by": "service"})
        assert seconds_until_due() == 0
        run_until_idle()

        assert story.steps_run == ["A", "C"]
        assert status_of(process) == "COMPLETED"
        assert reload(process).state["results"]["B"] == {"by": "service"}

    def test_an_external_step_that_is_parked_and_canceled_is_compensated(
        self, story_with_b_outside
    ):
        story = story_with_b_outside
        process = story.start()
        run_until_idle()
        (delivery,) = take()
        fail_external(delivery.command_id, 1, kind="permanent", code="BROKEN", message="no way")
        run_until_idle()
        assert status_of(process) == "WAITING_FOR_TSQ"

        cancel(delivery.command_id, operator="ann", reason="no use")
        run_until_idle()

        assert status_of(process) == "COMPENSATED"
        assert trail_of(process) == [("A", "SUCCESS"), ("B", "CANCELED"), ("UNDO_A", "SUCCESS")]

    def test_the_process_hears_of_a_lease_that_ended_for_good(self, story_with_b_outside, clock):
        process = story_with_b_outside.start()
        run_until_idle()
        for _ in range(2):
            take()
            clock.advance(31)
            run_until_idle()

        assert status_of(process) == "WAITING_FOR_TSQ"
        assert Process.objects.get().pk == process.pk

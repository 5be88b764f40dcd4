"""What is counted: exactly what was committed, over all processes, at next to no cost."""

import logging
import os

import pytest
from django.db import connection, transaction

from processes.bus import measures, sql
from processes.bus.external import claim_external, fail_external, release_external
from processes.bus.models import Measure
from processes.bus.sending import CommandRequest, send_commands
from processes.worker import run_until_idle, work
from tests.bus.delivering import claim_due, deliver_claims, send
from tests.factories import CommandFactory
from tests.support.behaviours import business, in_turn, permanent, succeed, transient
from tests.support.sessions import run_together
from tests.support.three_steps import DOMAIN
from tsq.editing import edit_and_retry
from tsq.operations import cancel, complete, retry

pytestmark = pytest.mark.django_db(transaction=True)

TEST = (DOMAIN, "Test")


def measured(command_type: str = "Test") -> measures.LaneMeasures:
    (found,) = [lane for lane in measures.read() if lane.command_type == command_type]
    return found


def flushed() -> dict[str, int]:
    """Everything written so far of the test's lane."""
    return dict(Measure.objects.filter(command_type="Test").values_list("measure", "count"))


class TestWhatIsCounted:
    def test_deliveries_and_how_they_ended(self, register_handler, clock):
        register_handler("Test", in_turn(transient(), succeed(), permanent(), business()))
        send()
        run_until_idle()
        clock.advance(15)
        run_until_idle()
        for _ in range(2):
            send()
            run_until_idle()

        found = measured()

        assert (found.domain, found.command_type, found.delivered) == (DOMAIN, "Test", 4)
        assert found.outcomes == {"RETRY_SCHEDULED": 1, "COMPLETED": 1, "PARKED": 1, "FAILED": 1}
        assert found.resolutions == {}
        assert found.durations.count == 4

    def test_commands_of_processes_that_their_sender_runs_at_once(self, story):
        story.start_many(20)

        run_until_idle()

        for step in "ABC":
            assert measured(step).delivered == 20
            assert measured(step).outcomes == {"COMPLETED": 20}

    @pytest.mark.parametrize("transactional", [True, False])
    def test_how_long_handlers_took(self, register_handler, transactional):
        register_handler("Test", succeed(), transactional=transactional)
        for _ in range(3):
            send()

        run_until_idle()

        durations = measured().durations
        assert (durations.count, durations.buckets[-1]) == (3, (float("inf"), 3))
        assert 0 < durations.seconds < 3
        assert measured().delivered == 3

    def test_the_buckets_are_cumulative(self, register_handler):
        register_handler("Test", succeed())
        for seconds in (0.001, 0.005, 0.006, 7, 1000):
            measures.observe(TEST, seconds)
        measures.flush()

        durations = measured().durations
        assert [bound for bound, _ in durations.buckets] == list(measures.BUCKETS)
        up_to = dict(durations.buckets)
        assert (up_to[0.005], up_to[0.01], up_to[5.0], up_to[10.0]) == (2, 3, 3, 4)
        assert (up_to[60.0], up_to[float("inf")], durations.count) == (4, 5, 5)
        assert durations.seconds == pytest.approx(1007.012)

    def test_what_a_service_from_outside_did_is_there_at_once(self, register_external, clock):
        register_external("Test", lease=30)
        for _ in range(3):
            send()
        first, second, _ = claim_external(DOMAIN, [], limit=3)
        assert measured().delivered == 3

        release_external(first.command_id, 1)
        fail_external(second.command_id, 1, kind="permanent", code="BROKEN", message="no way")
        assert measured().outcomes == {"RELEASED": 1, "PARKED": 1}

        clock.advance(31)
        run_until_idle()
        assert measured().outcomes == {"RELEASED": 1, "PARKED": 1, "RETRY_SCHEDULED": 1}

    def test_what_operators_did_is_there_at_once(self, register_external):
        register_external("Test", editable=True)
        retried, completed, canceled, edited = (CommandFactory(parked=True) for _ in range(4))

        retry(retried.pk, operator="ann")
        complete(completed.pk, operator="ann")
        cancel(canceled.pk, operator="ann", reason="no use")
        edit_and_retry(edited.pk, operator="ann", data={"n": 1}, reason="mended")

        assert measured().resolutions == {"retry": 1, "complete": 1, "cancel": 1, "edit": 1}

    def test_types_that_nobody_handles_are_counted_together(self):
        for name in ("One", "Two"):
            retry(CommandFactory(command_type=name, parked=True).pk, operator="ann")

        (found,) = measures.read()
        assert (found.domain, found.command_type, found.resolutions) == ("", "", {"retry": 2})
        assert found.durations is None


class TestOnlyWhatStands:
    def test_what_is_rolled_back_is_not_counted(self, register_external):
        register_external("Test")
        command = CommandFactory(parked=True)
        send()

        with transaction.atomic():
            retry(command.pk, operator="ann")
            (delivery,) = claim_external(DOMAIN, [], limit=1)
            release_external(delivery.command_id, 1)
            transaction.set_rollback(True)

        measures.flush()
        assert measures.read() == []

    def test_a_batch_that_had_to_run_again_counts_each_outcome_once(self, register_handler):
        def stumble(message):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            if message.data["bad"] and not stumbled:
                stumbled.append(True)
                with connection.cursor() as cursor:
                    cursor.execute(
                        "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END $$"
                    )

        stumbled = []
        register_handler("Test", stumble)
        send_commands(CommandRequest("Test", {"bad": bad}, DOMAIN) for bad in (False, True, False))

        run_until_idle()

        assert stumbled
        assert (measured().delivered, measured().outcomes) == (3, {"COMPLETED": 3})

    def test_an_outcome_that_came_too_late_is_not_counted(self, register_handler, clock):
        register_handler("Test", succeed())
        send()
        slow = claim_due()
        clock.advance(61)
        run_until_idle()

        deliver_claims(slow)

        measures.flush()
        assert (measured().delivered, measured().outcomes) == (2, {"COMPLETED": 1})

    def test_neither_is_one_of_a_service_from_outside(self, register_external):
        register_external("Test")
        send()
        (delivery,) = claim_external(DOMAIN, [], limit=1)
        release_external(delivery.command_id, 1)
        before = flushed()

        with pytest.raises(Exception, match="no longer holds"):
            fail_external(delivery.command_id, 1, kind="business", code="C", message="no")

        measures.flush()
        assert flushed() == before


class TestWriting:
    @pytest.fixture(autouse=True)
    def known(self, register_handler):
        register_handler("Test", succeed())

    def test_writing_adds_to_what_is_there(self):
        for _ in range(2):
            measures.count_deliveries([TEST] * 3)
            measures.flush()

        assert flushed() == {"delivered": 6}

    def test_sessions_that_write_at_once_lose_nothing_and_never_deadlock(
        self, register_handler, caplog
    ):
        lanes = [(DOMAIN, f"Lane{number}") for number in range(30)]
        for _, name in lanes:
            register_handler(name, succeed())

        def count_and_write(own_order: list) -> None:
            for _ in range(25):
                measures.count_deliveries(own_order)
                measures.flush()

        outcomes = run_together(
            *[lambda: count_and_write(lanes), lambda: count_and_write(lanes[::-1])] * 2
        )

        assert outcomes == [None] * 4
        written = Measure.objects.values_list("domain", "command_type", "measure", "count")
        assert caplog.messages == []
        assert set(written) == {(*lane, "delivered", 100) for lane in lanes}

    def test_nothing_is_written_inside_a_transaction(self):
        with transaction.atomic():
            measures.count_deliveries([TEST])
            measures.flush()
            assert flushed() == {}

        measures.flush()
        assert flushed() == {"delivered": 1}

    def test_what_cannot_be_written_is_kept_and_told(self, monkeypatch, caplog):
        measures.count_deliveries([TEST])
        with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
            broken.setattr(measures, "_ADD", "SELECT 1 / 0, %b, %b, %b, %b")
            measures.flush()

        assert "written later" in caplog.text
        measures.flush()
        assert flushed() == {"delivered": 1}

    def test_a_worker_writes_now_and_then_and_when_it_ends(self, monkeypatch):
        written = self.statements_of(monkeypatch)
        send()
        work(0.5)
        assert len(written) == 1

        for _ in range(3):
            send()
            work(0.5)
        assert len(written) == 1

        run_until_idle()
        assert len(written) == 2
        assert flushed()["delivered"] == 4

    def test_a_gathering_process_writes_now_and_then(self, monkeypatch):
        written = self.statements_of(monkeypatch)
        measures.gather()
        for _ in range(5):
            measures.count_resolutions([(DOMAIN, "Test")], "retry")
        assert len(written) == 1

        measures.flush()
        assert flushed() == {"resolved:retry": 5}

    def test_what_was_counted_before_a_fork_is_the_parents(self):
        measures.count_deliveries([TEST])
        read_end, write_end = os.pipe()

        child = os.fork()
        if child == 0:
            os.write(write_end, str(len(measures._pending.counts)).encode())
            os._exit(0)
        os.waitpid(child, 0)

        assert os.read(read_end, 10) == b"0"
        os.close(read_end)
        os.close(write_end)
        assert len(measures._pending.counts) == 1

    @staticmethod
    def statements_of(monkeypatch) -> list[str]:
        """Grows by each statement that writes measures."""
        written = []
        run = sql.run

        def noting_run(statement, *arguments):
            if statement == measures._ADD:
                written.append(statement)
            return run(statement, *arguments)

        monkeypatch.setattr(sql, "run", noting_run)
        return written

"""Workers are killed with SIGKILL, at the worst moments: nothing is lost, nothing happens twice."""

import signal
from collections import Counter

import pytest
from django.db import connection

from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.sending import CommandRequest, send_commands
from processes.bus.states import CommandStatus
from processes.engine import start_process, start_processes
from processes.invariants import violations
from processes.models import Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.scenarios.children import KILLED, Children, wait_for_advisory_waiter
from tests.scenarios.reading import entry_of, status_of, trail_of
from tests.scenarios.trip.definition import BOOK, DOMAIN
from tests.scenarios.trip.mishaps import KILL, PERMANENT, kill_once, wait_for_lock
from tsq.operations import cancel

pytestmark = pytest.mark.django_db(transaction=True)

LEASE_SECONDS = 60
REPLY_LEASE_SECONDS = 10
FORWARD = ["HOTEL", "FLIGHT", "CAR", "BILL"]
UNDO = ["UNDO_CAR", "UNDO_FLIGHT", "UNDO_HOTEL"]


def start_trip(**plan: str) -> Process:
    return start_process("Trip", plan)


def go_on_after(lease: float, children: Children) -> None:
    """The lease ends, and a worker that lives does all the rest without another wait."""
    children.advance(lease + 1)
    run_until_idle()


def test_without_mishaps_a_worker_process_runs_the_whole_trip(trip, children, booked):
    process = start_trip()
    assert children.work() == 0
    assert status_of(process) == ProcessStatus.COMPLETED
    assert booked() == Counter(FORWARD)


class TestHandlerKilled:
    @pytest.mark.parametrize("step", ["HOTEL", "CAR", "BILL"])
    def test_its_rows_appear_exactly_once(self, trip, children, booked, tmp_path, step):
        process = start_trip(**{step: kill_once(tmp_path / "killed")})
        assert children.work() == KILLED
        assert booked()[step] == 0

        go_on_after(LEASE_SECONDS, children)
        assert booked() == Counter(FORWARD)
        assert status_of(process) == ProcessStatus.COMPLETED
        assert list(violations()) == []

    def test_a_whole_batch_rolls_back_and_every_row_appears_once(self, trip, children, booked):
        """The parent kills the worker while it holds the rows of two commands and runs a third."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(7)")
        waits = {"step": "third", "mishap": wait_for_lock(7)}
        data = [{"step": "first", "mishap": ""}, {"step": "second", "mishap": ""}, waits]
        send_commands([CommandRequest(BOOK, each, DOMAIN) for each in data])
        worker = children.start_worker()
        wait_for_advisory_waiter(7)
        assert booked() == Counter()

        worker.send_signal(signal.SIGKILL)
        assert worker.wait(10) == KILLED
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(7)")
        go_on_after(LEASE_SECONDS, children)

        assert booked() == Counter(["first", "second", "third"])
        assert set(Command.objects.values_list("status", "attempts", "deliveries")) == {
            (CommandStatus.COMPLETED, 1, 2)
        }


class TestCompensationResumes:
    MOMENTS = [
        "BILL CANCELED",
        *(moment for step in UNDO for moment in (step, f"{step} SUCCESS")),
    ]

    @pytest.mark.parametrize("moment", MOMENTS)
    def test_after_a_kill_at_any_moment(self, trip, children, booked, tmp_path, moment):
        """A step's name: in its handler.  With a reply: while the manager handles that."""
        process = start_trip(**{"BILL": PERMANENT, moment: kill_once(tmp_path / "killed")})
        run_until_idle()
        cancel(entry_of(process).id, operator="ann", reason="no use")
        assert children.work() == KILLED

        go_on_after(LEASE_SECONDS if moment in UNDO else REPLY_LEASE_SECONDS, children)
        assert trail_of(process)[4:] == [(step, "SUCCESS") for step in UNDO]
        assert booked() == Counter([*FORWARD[:3], *UNDO])
        assert status_of(process) == ProcessStatus.COMPENSATED
        assert list(violations()) == []


def test_a_poison_command_kills_its_worker_and_only_it_ends_parked(trip, children, booked):
    data = [{"step": f"neighbour {n}", "mishap": ""} for n in range(6)]
    data.insert(3, {"step": "poison", "mishap": KILL})
    commands = send_commands([CommandRequest(BOOK, each, DOMAIN) for each in data])

    killed = children.work_despite_kills(LEASE_SECONDS + 1)

    poison = Command.objects.get(pk=commands.pop(3).id)
    assert (poison.status, poison.last_error_code) == (
        CommandStatus.IN_TROUBLESHOOTING_QUEUE,
        "LEASE_EXPIRED",
    )
    assert killed == poison.max_attempts + 1  # once in company, then alone until it has no more
    neighbours = Command.objects.exclude(pk=poison.pk)
    assert set(neighbours.values_list("status", "attempts")) == {(CommandStatus.COMPLETED, 1)}
    assert not CommandEvent.objects.filter(command__in=neighbours, type="RETRY_SCHEDULED").exists()
    assert booked() == Counter(f"neighbour {n}" for n in range(6))


class TestManagerKillsItsWorker:
    def test_only_its_reply_ends_stuck_and_no_other_process_is_lost(self, trip, children, booked):
        beside = start_processes("Trip", [{}] * 4)
        poison = start_trip(**{"HOTEL SUCCESS": KILL})
        assert children.work() == KILLED
        later = start_processes("Trip", [{}] * 4)

        children.advance(REPLY_LEASE_SECONDS + 1)
        assert children.work_despite_kills(REPLY_LEASE_SECONDS + 1) == 4

        stuck = Reply.objects.unhandled().get()
        assert (stuck.correlation_id, stuck.tries) == (poison.id, 5)
        assert stuck.last_error
        assert status_of(poison) == ProcessStatus.WAITING_FOR_REPLY
        assert trail_of(poison) == [("HOTEL", None)]
        assert {status_of(process) for process in beside + later} == {ProcessStatus.COMPLETED}
        assert booked() == Counter(FORWARD * 8 + ["HOTEL"])
        assert tries_of(later) == {1}
        assert list(violations()) == []

    def test_killed_once_the_process_goes_on(self, trip, children, booked, tmp_path):
        process = start_trip(**{"CAR SUCCESS": kill_once(tmp_path / "killed")})
        assert children.work() == KILLED
        go_on_after(REPLY_LEASE_SECONDS, children)
        assert status_of(process) == ProcessStatus.COMPLETED
        assert booked() == Counter(FORWARD)


def tries_of(processes: list[Process]) -> set[int]:
    """How often their replies were tried: once, unless another one's manager harmed them."""
    replies = Reply.objects.filter(correlation_id__in=[process.id for process in processes])
    return set(replies.values_list("tries", flat=True))

"""Handlers with ``transactional=False``: many at a time, in threads, outside any transaction."""

import asyncio
import time
from threading import Barrier, Event, current_thread, main_thread

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from processes.bus.models import Command
from processes.bus.threads import HandlerThreads
from processes.worker import Worker, run_until_idle
from tests.bus.delivering import claim_due, reply_outcomes, send, stored
from tests.support.behaviours import Behaviour, permanent, raising, succeed
from tests.support.sessions import in_other_session, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def in_progress() -> int:
    return Command.objects.filter(status="IN_PROGRESS").count()


@pytest.fixture
def three_threads(settings):
    settings.COMMANDBUS = {**settings.COMMANDBUS, "THREADS": 3}


@pytest.fixture
def gate():
    """Where ``wait_at`` keeps the handlers of a test; opened at its end in any case."""
    gate = Event()
    yield gate
    gate.set()


def wait_at(gate: Event) -> Behaviour:
    def act(message) -> None:
        gate.wait(10)

    return act


@pytest.mark.usefixtures("three_threads")
def test_they_run_at_the_same_time(register_handler):
    meeting = Barrier(3)

    def meet_the_others(message):
        meeting.wait(10)

    register_handler("Test", meet_the_others, transactional=False)
    commands = [send() for _ in range(6)]

    run_until_idle()

    assert [stored(command).status for command in commands] == ["COMPLETED"] * 6
    assert [reply_outcomes(command) for command in commands] == [["SUCCESS"]] * 6


def test_they_run_in_a_thread_outside_any_transaction(register_handler):
    seen = []

    def look(message):
        seen.append((current_thread() is main_thread(), connection.in_atomic_block))

    register_handler("Test", look, transactional=False)
    send()

    run_until_idle()

    assert seen == [(False, False)]


def test_what_one_wrote_before_it_failed_stays(register_handler):
    def write_and_fail(message):
        Group.objects.create(name="stays")
        permanent()(message)

    register_handler("Test", write_and_fail, transactional=False)
    command = send()

    run_until_idle()

    assert stored(command).status == "IN_TROUBLESHOOTING_QUEUE"
    assert Group.objects.get().name == "stays"


def test_a_thread_closes_the_connection_it_opened(register_handler):
    opened = []

    def open_one(message):
        Group.objects.count()
        opened.append(connection.connection.info.backend_pid)

    register_handler("Test", open_one, transactional=False)
    for _ in range(4):
        send()

    run_until_idle()

    assert len(opened) == 4
    assert connection.connection.info.backend_pid not in opened
    wait_until(lambda: not _alive(opened))


@pytest.mark.usefixtures("three_threads")
def test_no_more_are_claimed_than_there_are_free_threads(register_handler, gate):
    register_handler("Test", wait_at(gate), transactional=False)
    for _ in range(5):
        send()

    working = in_other_session(lambda: Worker().run(10))
    wait_until(lambda: in_progress() == 3)

    assert Command.objects.filter(deliveries=0, status="PENDING").count() == 2
    gate.set()
    working.result(10)
    assert set(Command.objects.values_list("status", "deliveries")) == {("COMPLETED", 1)}


def test_transactional_commands_go_on_while_threads_are_busy(register_handler, gate):
    register_handler("Slow", wait_at(gate), transactional=False)
    register_handler("Fast", succeed())
    slow = send("Slow")

    working = in_other_session(lambda: Worker().run(10))
    wait_until(lambda: in_progress() == 1)
    fast = send("Fast")

    wait_until(lambda: stored(fast).status == "COMPLETED")
    assert stored(slow).status == "IN_PROGRESS"
    gate.set()
    working.result(10)
    assert stored(slow).status == "COMPLETED"


def test_finished_ones_are_settled_without_waiting_for_the_rest(register_handler, gate):
    register_handler("Slow", wait_at(gate), transactional=False)
    register_handler("Quick", succeed({"n": 1}), transactional=False)
    slow, quick = send("Slow"), send("Quick")

    working = in_other_session(lambda: Worker().run(10))

    wait_until(lambda: stored(quick).status == "COMPLETED")
    assert (stored(slow).status, reply_outcomes(quick)) == ("IN_PROGRESS", ["SUCCESS"])
    gate.set()
    working.result(10)


def test_a_worker_out_of_time_does_not_leave_its_threads_behind(register_handler, gate):
    register_handler("Test", wait_at(gate), transactional=False)
    command = send()
    out_of_time = time.monotonic() + 0.5

    working = in_other_session(lambda: Worker().run(0.5))
    wait_until(lambda: in_progress() == 1 and time.monotonic() > out_of_time)

    assert not working.done()
    gate.set()
    working.result(10)
    assert stored(command).status == "COMPLETED"


def test_whatever_is_raised_in_a_thread_is_an_outcome(register_handler):
    register_handler("Bad", raising(asyncio.CancelledError()), transactional=False)
    register_handler("Good", succeed(), transactional=False)
    send("Bad")
    send("Good")
    threads = HandlerThreads()
    threads.start(claim_due("Bad", "Good"))

    wait_until(lambda: all(future.done() for future in threads._running))

    assert len(threads.finished()) == 2


def _alive(pids: list[int]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [pids])
        return cursor.fetchone()[0] > 0

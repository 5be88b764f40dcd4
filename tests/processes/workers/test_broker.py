"""What the broker gives to a pusher, from a real database with real NOTIFYs."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from processes import broker as broker_module
from processes.broker import WORK, ClusterBroker, Listener, Package
from processes.bus.models import Command
from processes.bus.sending import send_command
from processes.cluster.board import Board
from processes.heartbeat import WorkerHeartbeat
from tests.processes.workers import DOMAIN
from tests.support.sessions import in_other_session, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by himself in the time of a test: what wakes him has been heard or was due."""
    monkeypatch.setattr(broker_module, "WAIT_SECONDS", 60.0)
    monkeypatch.setattr(broker_module, "PROBE_SECONDS", 60.0)


@pytest.fixture(autouse=True)
def known_command(register_handler) -> None:
    register_handler("Ping", lambda _: None, domain=DOMAIN)


@pytest.fixture
def board() -> Iterator[Board]:
    board = Board(workers=2)
    yield board
    board.close()


@pytest.fixture
def new_broker(board: Board) -> Iterator[Callable[[], ClusterBroker]]:
    brokers: list[ClusterBroker] = []

    def new() -> ClusterBroker:
        brokers.append(ClusterBroker(board, WorkerHeartbeat(host="here", pid=1, workers=2)))
        return brokers[-1]

    yield new
    for broker in brokers:
        if broker._listener:
            broker._listener.close()
    connection.close()  # it has the broker's statement timeout


@pytest.fixture
def broker(new_broker, board) -> ClusterBroker:
    """One whose first work, the probe, has been taken and finished."""
    broker = new_broker()
    assert [task["func"] for task in tasks_in(broker.dequeue())] == [WORK]
    take_work(board)
    return broker


def take_work(board: Board) -> None:
    board.take(board.places[0], is_work=True)
    board.finish(board.places[0], is_work=True)


def send(**options: Any) -> Command:
    return send_command("Ping", {}, domain=DOMAIN, **options)


def tasks_in(packages: list[Package]) -> list[dict[str, Any]]:
    return [SignedPackage.loads(package) for _, package in packages]


def when_waiting(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """``act`` in another session as soon as the broker starts to wait."""
    waiting, wait = Event(), Listener.wait

    def tell_and_wait(listener: Listener, bell: int, seconds: float) -> None:
        waiting.set()
        wait(listener, bell, seconds)

    monkeypatch.setattr(Listener, "wait", tell_and_wait)
    in_other_session(lambda: waiting.wait() and act())


def test_a_work_is_given_out_when_a_command_is_due(broker):
    send()
    ((acknowledge, package),) = broker.dequeue()
    task = SignedPackage.loads(package)
    assert acknowledge is None
    assert (task["func"], task["args"], task["kwargs"]) == (WORK, (), {})
    assert (task["save"], task["timeout"]) == (False, -1)
    assert not OrmQ.objects.exists()


def test_a_notify_ends_the_wait(broker, monkeypatch):
    when_waiting(monkeypatch, send)
    assert broker.dequeue() == []
    assert len(broker.dequeue()) == 1


def test_an_ordinary_task_ends_the_wait(broker, monkeypatch):
    when_waiting(monkeypatch, lambda: async_task("builtins.print"))
    assert broker.dequeue() == []
    assert [task["func"] for task in tasks_in(broker.dequeue())] == ["builtins.print"]


def test_the_wait_ends_when_something_gets_due(broker):
    command = send()
    Command.objects.filter(pk=command.pk).update(available_at=Now() + timedelta(seconds=0.2))
    assert wait_until(broker.dequeue)


def test_only_one_work_waits_for_a_worker(broker, board, monkeypatch):
    send()
    assert len(broker.dequeue()) == 1
    when_waiting(monkeypatch, lambda: take_work(board))
    assert broker.dequeue() == []  # until the bell rings
    assert len(broker.dequeue()) == 1


def test_a_work_is_given_out_now_and_then_to_see_that_workers_take_it(broker, monkeypatch):
    monkeypatch.setattr(broker_module, "PROBE_SECONDS", 0.1)
    assert [task["func"] for task in tasks_in(wait_until(broker.dequeue))] == [WORK]


def test_ordinary_tasks_leave_one_worker_to_the_commands(broker, board):
    for _ in range(2):
        async_task("builtins.print")
    send()
    assert [task["func"] for task in tasks_in(broker.dequeue())] == ["builtins.print", WORK]
    take_work(board)
    assert [task["func"] for task in tasks_in(broker.dequeue())] == [WORK]

    board.take(board.places[1], is_work=False)
    board.finish(board.places[1], is_work=False)
    assert [task["func"] for task in tasks_in(broker.dequeue())] == ["builtins.print"]


def test_an_ordinary_task_is_given_to_one_cluster(broker, board, new_broker):
    async_task("builtins.print")
    ((acknowledge, _),) = broker.dequeue()
    assert acknowledge == OrmQ.objects.get().pk
    board.take(board.places[1], is_work=False)
    board.finish(board.places[1], is_work=False)
    assert [task["func"] for task in tasks_in(new_broker().dequeue())] == [WORK]


def test_a_condemned_cluster_is_given_nothing(broker, board, monkeypatch):
    send()
    async_task("builtins.print")
    board.condemn()
    monkeypatch.setattr(broker_module, "WAIT_SECONDS", 0.0)
    assert broker.dequeue() == []


def test_a_lost_connection_is_told_once_and_opened_again(broker, monkeypatch, caplog):
    monkeypatch.setattr(broker_module, "WAIT_SECONDS", 0.0)
    send()
    in_other_session(end_all_other_sessions).result()
    with caplog.at_level(logging.INFO, logger=broker_module.__name__):
        with monkeypatch.context() as broken:
            broken.setattr(broker_module, "Listener", refuse)
            assert [broker.dequeue(), broker.dequeue()] == [[], []]
        assert len(broker.dequeue()) == 1
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def end_all_other_sessions() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def refuse() -> None:
    raise OSError("no answer")


def test_a_locked_table_does_not_hold_the_pusher_up(new_broker, board, monkeypatch):
    monkeypatch.setattr(broker_module, "STATEMENT_TIMEOUT", "100ms")
    monkeypatch.setattr(broker_module, "WAIT_SECONDS", 0.0)
    broker, locked, release = new_broker(), Event(), Event()

    def lock() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE django_q_ormq")
            locked.set()
            release.wait()
            cursor.execute("ROLLBACK")

    locking = in_other_session(lock)
    locked.wait()
    assert broker.dequeue() == []
    release.set()
    locking.result()
    assert len(broker.dequeue()) == 1

import os
import subprocess
from collections.abc import Iterator

import pytest

from processes.cluster import board as board_module
from processes.cluster.board import Board


@pytest.fixture
def board() -> Iterator[Board]:
    """Of a cluster of two workers whose processes all live: they are this one."""
    board = Board(workers=2)
    board.sentinel_is(os.getpid())
    board.monitor_is(os.getpid())
    board.pusher_is(os.getpid())
    for place in board.places:
        place.pid = os.getpid()
        board.start(place)
    yield board
    board.close()


def ended_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_work_waits_until_a_worker_takes_it(board):
    assert not board.work_is_waiting
    board.offer_work()
    assert board.work_is_waiting
    board.take(board.places[1], is_work=True)
    assert not board.work_is_waiting


def test_an_ordinary_task_is_open_until_it_is_finished(board):
    board.offer_tasks(1)
    assert board.open_tasks == 1
    board.take(board.places[0], is_work=False)
    assert board.open_tasks == 1
    board.finish(board.places[0], is_work=False)
    assert board.open_tasks == 0


def test_a_task_its_worker_died_with_is_open_no_more(board):
    board.offer_tasks(1)
    board.take(board.places[0], is_work=False)
    board.start(board.places[0])
    assert board.open_tasks == 0
    assert not board.busy


def test_a_cluster_is_busy_while_a_living_worker_runs_something(board):
    board.take(board.places[0], is_work=True)
    assert board.busy
    board.places[0].pid = ended_process()
    assert not board.busy


def test_a_healthy_cluster_has_no_fault(board):
    assert board.fault() is None


@pytest.mark.parametrize("who", ["sentinel_is", "monitor_is", "pusher_is"])
def test_a_process_that_ended_is_a_fault(board, who):
    pid = ended_process()
    getattr(board, who)(pid)
    assert board.fault() == f"process {pid} is gone or stopped"


def test_a_worker_that_ended_is_a_fault(board):
    board.places[1].pid = ended_process()
    assert board.fault() == f"process {board.places[1].pid} is gone or stopped"


def test_a_task_nobody_takes_is_a_fault_unless_all_are_busy(board):
    board.take(board.places[0], is_work=True)
    board.offer_work()
    board.offer_work()
    assert board.fault() == "task 2 is not taken, although a worker is idle"
    board.places[1].busy = True
    assert board.fault() is None


def test_a_silent_pusher_is_a_fault_until_it_looks_again(board, monkeypatch):
    monkeypatch.setattr(board_module, "PUSHER_SILENCE_SECONDS", 0.0)
    assert board.fault() == "the pusher is silent"
    monkeypatch.undo()
    board.pusher_looks()
    assert board.fault() is None


def test_the_bell_never_blocks_however_often_it_is_rung(board):
    for _ in range(100_000):
        board.ring()

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from processes import broker as broker_module
from processes.broker import ClusterBroker
from processes.cluster.board import Board
from processes.heartbeat import (
    FORGET_SECONDS,
    LIVE_SECONDS,
    WorkerHeartbeat,
    beat,
    live_clusters,
    workers_alive,
)
from tests.processes.workers.qcluster import PATIENCE_SECONDS, QCluster
from tests.support.sessions import wait_until


@pytest.fixture
def cluster(db: None) -> WorkerHeartbeat:
    return WorkerHeartbeat(host="here", pid=17, workers=2)


def seen_ago(seconds: float) -> WorkerHeartbeat:
    row = WorkerHeartbeat.objects.create(host="there", pid=18, workers=1)
    WorkerHeartbeat.objects.update(beat_at=Now() - timedelta(seconds=seconds))
    return row


def test_no_workers_live_before_the_first_beat(db):
    assert not workers_alive()


def test_a_cluster_lives_by_its_beats(cluster):
    beat(cluster, 0.0)
    WorkerHeartbeat.objects.update(beat_at=Now() - timedelta(seconds=LIVE_SECONDS))
    assert not workers_alive()
    beat(cluster, 2.0)
    (row,) = live_clusters()
    assert (row.host, row.pid, row.workers) == ("here", 17, 2)
    assert row.beat_at - row.last_task_at == timedelta(seconds=2)
    assert row.started_at < row.beat_at


def test_a_row_that_was_cleared_away_comes_back_with_the_next_beat(cluster):
    beat(cluster, 0.0)
    WorkerHeartbeat.objects.all().delete()
    beat(cluster, 0.0)
    assert workers_alive()


def test_clusters_long_dead_are_cleared_away(cluster):
    seen_ago(FORGET_SECONDS)
    beat(cluster, 0.0)
    assert [row.pk for row in WorkerHeartbeat.objects.all()] == [cluster.pk]


def test_a_cluster_dead_for_a_while_is_still_shown(cluster):
    dead = seen_ago(FORGET_SECONDS / 2)
    beat(cluster, 0.0)
    assert set(WorkerHeartbeat.objects.values_list("pk", flat=True)) == {cluster.pk, dead.pk}


@pytest.mark.django_db(transaction=True)
def test_a_cluster_with_a_fault_does_not_beat(cluster, monkeypatch):
    monkeypatch.setattr(broker_module, "WAIT_SECONDS", 0.0)
    board = Board(workers=1)
    broker = ClusterBroker(board, cluster)
    broker.dequeue()
    board.take(board.places[0], is_work=True)
    broker.dequeue()
    assert not workers_alive()  # no process of it lives

    for register in (board.sentinel_is, board.monitor_is, board.pusher_is):
        register(os.getpid())
    board.places[0].pid = os.getpid()
    broker.dequeue()
    assert workers_alive()

    assert broker._listener is not None
    broker._listener.close()
    connection.close()
    board.close()


def test_a_cluster_beats_while_it_runs_and_no_more_once_it_is_stopped(qcluster: QCluster):
    (row,) = wait_until(live_clusters, PATIENCE_SECONDS)
    assert (row.pid, row.workers) == (qcluster.supervisor.pid, 2)
    assert row.last_task_at <= row.beat_at
    (later,) = wait_until(lambda: live_clusters().filter(beat_at__gt=row.beat_at), PATIENCE_SECONDS)
    assert later.last_task_at > row.last_task_at  # idle workers are asked, too

    qcluster.supervisor.terminate()
    assert qcluster.wait_for_exit() == 0
    assert "stopped monitoring results" in qcluster.log  # by itself, not killed
    assert WorkerHeartbeat.objects.get().beat_at >= later.beat_at

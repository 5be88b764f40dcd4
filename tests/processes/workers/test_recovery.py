"""Whatever process of a cluster is killed, work goes on, and nothing is left behind."""

import signal

import pytest
from django.db import connection

from tests.processes.workers.qcluster import (
    PATIENCE_SECONDS,
    Hold,
    QCluster,
    StartQCluster,
    assert_works,
    send,
    wait_until_completed,
)
from tests.support.sessions import wait_until


@pytest.mark.parametrize("role", ["worker 0", "monitor", "pusher", "sentinel"])
def test_work_goes_on_when_a_process_is_killed(qcluster: QCluster, role: str):
    assert_works()
    before = {process.pid for process in qcluster.processes()} - {qcluster.supervisor.pid}

    qcluster.process(role).kill()

    assert_works()
    wait_until(
        lambda: before.isdisjoint(process.pid for process in qcluster.processes()),
        PATIENCE_SECONDS,
    )
    qcluster.supervisor.terminate()
    assert qcluster.wait_for_exit() == 0


def test_a_stopped_process_counts_as_lost(qcluster: QCluster):
    assert_works()
    stopped = qcluster.process("worker 0")
    stopped.suspend()

    wait_until(lambda: not stopped.is_running(), PATIENCE_SECONDS)
    assert_works()


def test_when_the_supervisor_is_killed_all_end_and_a_new_one_goes_on(
    start_qcluster: StartQCluster, hold: Hold
):
    killed = start_qcluster()
    send("Hold", file=str(hold.file))
    hold.wait_for_runs()

    killed.supervisor.kill()

    assert killed.wait_for_exit() == -signal.SIGKILL
    start_qcluster()
    assert_works()


def test_killing_an_idle_worker_does_not_interrupt_a_busy_one(qcluster: QCluster, hold: Hold):
    held = send("Hold", file=str(hold.file))
    busy = hold.wait_for_runs()

    qcluster.worker_with(busy, busy=False).kill()

    assert_works()  # in a new cluster, beside the old one
    assert busy in [process.pid for process in qcluster.processes()]
    hold.release()
    assert wait_until_completed(held).deliveries == 1
    wait_until(
        lambda: busy not in [process.pid for process in qcluster.processes()], PATIENCE_SECONDS
    )


def test_what_a_killed_busy_worker_was_doing_is_done_again(qcluster: QCluster, hold: Hold):
    held = send("HoldBriefly", file=str(hold.file))

    qcluster.worker_with(hold.wait_for_runs(), busy=True).kill()

    assert_works()
    hold.wait_for_runs(2)
    hold.release()
    assert wait_until_completed(held).deliveries == 2


def test_lost_database_connections_are_opened_again(qcluster: QCluster):
    assert_works()
    before = [process.pid for process in qcluster.processes()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.rowcount >= 2

    assert_works()
    assert [process.pid for process in qcluster.processes()] == before


def test_a_cluster_waits_for_a_database_that_is_not_there(start_qcluster: StartQCluster):
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            qcluster = start_qcluster()
            wait_until(lambda: "Cannot see what is due" in qcluster.log, PATIENCE_SECONDS)
            before = [process.pid for process in qcluster.processes()]
        finally:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    assert_works()
    assert [process.pid for process in qcluster.processes()] == before
    assert qcluster.log.count("Cannot see what is due") == 1

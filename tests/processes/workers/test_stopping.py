"""SIGTERM and SIGINT let the workers finish; a second signal does not."""

import signal

from processes.bus import measures
from tests.processes.workers.qcluster import (
    PATIENCE_SECONDS,
    Hold,
    QCluster,
    assert_works,
    send,
    wait_until_completed,
)
from tests.support.sessions import wait_until


def test_a_busy_worker_finishes_what_it_is_doing(qcluster: QCluster, hold: Hold):
    held = send("Hold", file=str(hold.file))
    hold.wait_for_runs()

    qcluster.supervisor.send_signal(signal.SIGINT)
    wait_until(lambda: "stopped pushing tasks" in qcluster.log, PATIENCE_SECONDS)
    hold.release()

    assert qcluster.wait_for_exit() == 0
    assert wait_until_completed(held).deliveries == 1


def test_a_signal_to_all_processes_is_the_supervisors_matter(qcluster: QCluster, hold: Hold):
    """As systemd and honcho send it."""
    held = send("Hold", file=str(hold.file))
    hold.wait_for_runs()

    for process in qcluster.processes():
        process.terminate()
    hold.release()

    assert qcluster.wait_for_exit() == 0
    assert wait_until_completed(held).deliveries == 1


def test_what_the_workers_counted_is_written_when_they_end(qcluster: QCluster):
    for _ in range(5):
        assert_works()

    qcluster.supervisor.terminate()

    assert qcluster.wait_for_exit() == 0
    (touched,) = measures.read()
    assert (touched.command_type, touched.delivered) == ("Touch", 5)
    assert touched.outcomes == {"COMPLETED": 5}


def test_a_second_signal_ends_all_at_once(qcluster: QCluster, hold: Hold):
    send("Hold", file=str(hold.file))
    hold.wait_for_runs()

    qcluster.supervisor.terminate()
    wait_until(lambda: "stopping cluster processes" in qcluster.log, PATIENCE_SECONDS)
    qcluster.supervisor.terminate()

    assert qcluster.wait_for_exit() == 1


def test_a_condemned_cluster_does_not_hold_up_the_end(qcluster: QCluster):
    assert_works()
    qcluster.process("worker 0").kill()
    # Whoever sees it first condemns the cluster: the sentinel, or the supervisor.
    seen = ("was killed by signal", "Replacing the cluster")
    wait_until(lambda: any(words in qcluster.log for words in seen), PATIENCE_SECONDS)

    qcluster.supervisor.terminate()

    assert qcluster.wait_for_exit() == 0

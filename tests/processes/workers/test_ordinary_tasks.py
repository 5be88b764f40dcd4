"""``async_task`` and schedules run through our broker and cluster as they do with django-q2's."""

import logging

import pytest
from django.db import OperationalError
from django_q.brokers import get_broker
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.scheduler import scheduler
from django_q.tasks import async_task, schedule

from processes import tasks
from tests.processes.workers.qcluster import (
    PATIENCE_SECONDS,
    Hold,
    QCluster,
    assert_works,
)
from tests.support.sessions import wait_until

KEEP_BUSY = "tests.processes.workers.handlers.keep_busy"


def test_tasks_and_schedules_run_and_commands_beside_them(qcluster: QCluster, hold: Hold):
    schedule("math.factorial", 4, schedule_type=Schedule.ONCE)
    scheduler(get_broker())  # the sentinel does so every 30 s
    async_task(KEEP_BUSY, str(hold.file))
    async_task("math.factorial", 5)
    hold.wait_for_runs()
    assert_works()
    assert OrmQ.objects.count() >= 2  # not yet acknowledged, or not begun

    hold.release()
    wait_until(lambda: Success.objects.filter(func=KEEP_BUSY).exists(), PATIENCE_SECONDS)
    wait_until(lambda: Success.objects.filter(func="math.factorial").count() == 2)
    results = Success.objects.filter(func="math.factorial").values_list("result", flat=True)
    assert sorted(results) == [24, 120]
    wait_until(lambda: not OrmQ.objects.exists())
    assert not Failure.objects.exists()
    # Works go without saying, in the database and in the log:
    assert set(Task.objects.values_list("func", flat=True)) == {KEEP_BUSY, "math.factorial"}
    assert "Processed 'math.factorial'" in qcluster.log
    assert "processes.tasks.work" not in qcluster.log


@pytest.mark.parametrize(
    ("error", "level"), [(OperationalError("gone"), "WARNING"), (ValueError("a bug"), "ERROR")]
)
def test_an_error_of_the_engine_ends_in_the_log(monkeypatch, caplog, error, level):
    def fail() -> None:
        raise error

    monkeypatch.setattr(tasks.worker, "work", fail)
    monkeypatch.setattr(tasks, "PAUSE_AFTER_ERROR_SECONDS", 0.0)
    with caplog.at_level(logging.INFO, logger=tasks.__name__):
        tasks.work()
    assert [record.levelname for record in caplog.records] == [level]

"""Whether workers live: one row per running ``qcluster``, renewed while its workers take tasks.

The row is written by the cluster's pusher, and only while nothing in the cluster is dead, stopped
or stuck; so a fresh heartbeat means that what is due will be worked on.
"""

import uuid
from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

BEAT_SECONDS = 5
LIVE_SECONDS = 3 * BEAT_SECONDS
FORGET_SECONDS = 3600
LIVE = Q(beat_at__gt=Now() - timedelta(seconds=LIVE_SECONDS))


class HeartbeatQuerySet(models.QuerySet["WorkerHeartbeat"]):
    def live(self) -> Self:
        return self.filter(LIVE)

    def told_whether_live(self) -> QuerySet["WorkerHeartbeat", Any]:
        """Each with ``is_live``."""
        return self.annotate(is_live=ExpressionWrapper(LIVE, models.BooleanField()))

    def forgotten(self) -> Self:
        return self.filter(beat_at__lt=Now() - timedelta(seconds=FORGET_SECONDS))


class WorkerHeartbeat(models.Model):
    """One ``qcluster``: its supervisor's host and process id, and when it was last seen well."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    host = models.CharField(max_length=255)
    pid = models.IntegerField()
    workers = models.IntegerField()
    started_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(db_default=Now())
    last_task_at = models.DateTimeField(null=True)
    """When a worker last took or finished a task; an idle cluster gives one out to see it taken."""

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        app_label = "processes"
        verbose_name = "worker cluster"
        verbose_name_plural = "workers"
        ordering = ["host", "started_at"]

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"


def beat(cluster: WorkerHeartbeat, last_task_seconds_ago: float) -> None:
    """Renew the cluster's row; the first beat writes it and clears away long dead ones."""
    last_task_at = Now() - timedelta(seconds=last_task_seconds_ago)
    rows = WorkerHeartbeat.objects.filter(pk=cluster.pk)
    if not rows.update(beat_at=Now(), last_task_at=last_task_at):
        WorkerHeartbeat.objects.forgotten().delete()
        cluster.last_task_at = last_task_at
        cluster.save(force_insert=True)


def live_clusters() -> HeartbeatQuerySet:
    return WorkerHeartbeat.objects.live()


def workers_alive() -> bool:
    return live_clusters().exists()

"""Workers: the list of clusters that run, or ended lately.  They belong to no domain."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern

from processes.admin import display
from processes.admin.readonly import ReadOnlyAdmin
from processes.models import WorkerHeartbeat


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    list_display = ("host", "pid", "standing", "workers", "started", "beat", "last_task")
    list_display_links = None
    ordering = ("-beat_at", "id")
    sortable_by = ()

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return WorkerHeartbeat.objects.told_whether_live()

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """All of them to whoever may see workers: each works for every domain."""
        return rows

    def get_urls(self) -> list[URLPattern]:
        return [self.url("", self.changelist_view, "changelist")]

    @admin.display(description="status")
    def standing(self, cluster: Any) -> str:
        return display.status_badge("ALIVE" if cluster.is_live else "SILENT")

    @admin.display(description="started")
    def started(self, cluster: WorkerHeartbeat) -> str:
        return display.date_and_time(cluster.started_at)

    @admin.display(description="last seen well")
    def beat(self, cluster: WorkerHeartbeat) -> str:
        return display.date_and_time(cluster.beat_at)

    @admin.display(description="last task")
    def last_task(self, cluster: WorkerHeartbeat) -> str:
        return display.date_and_time(cluster.last_task_at)

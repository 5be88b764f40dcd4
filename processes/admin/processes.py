"""Processes: the list, the page of one with its audit trail, and "run compensation"."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods, require_safe

from processes import selectors
from processes.admin import dashboard, display
from processes.admin.forms import ReasonForm
from processes.admin.process_filters import FILTERS
from processes.admin.readonly import ReadOnlyAdmin
from processes.admin.requests import acting
from processes.admin.word_filters import WordSearch
from processes.bus.errors import CommandBusError
from processes.drawing import process_machine
from processes.engine import compensate
from processes.models import Process
from processes.states import ProcessStatus
from processes.timeline import timeline_of

COMPENSATE = "processes.compensate_process"


@admin.register(Process)
class ProcessAdmin(WordSearch, ReadOnlyAdmin):
    list_display = ("process", "domain", "standing", "current_step", "error", "age")
    list_filter = FILTERS
    ordering = ("-created_at", "-id")
    sortable_by = ("age",)
    search_fields = ("id",)
    search_help_text = "The whole id of a process, or part of its error."

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return Process.objects.defer("data", "state")

    @admin.display(description="process")
    def process(self, process: Process) -> str:
        return display.named_id(process.process_type, process.id)

    @admin.display(description="status")
    def standing(self, process: Process) -> str:
        return display.status_badge(process.status)

    @admin.display(description="error")
    def error(self, process: Process) -> str:
        return display.error_cell(process.error_code, process.error_message)

    @admin.display(description="age", ordering="created_at")
    def age(self, process: Process) -> str:
        return display.age(process.created_at)

    def get_urls(self) -> list[URLPattern]:
        view = require_http_methods(["GET", "HEAD", "POST"])(self.compensate_view)
        return [
            *super().get_urls(),
            self.url("<uuid:pk>/compensate/", view, "compensate"),
            self.url("dashboard/", require_safe(dashboard.fragment), "dashboard"),
        ]

    def page(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self.require_view_permission(request)
        process = get_object_or_404(self.visible(request, Process.objects.all()), pk=pk)
        trail = selectors.trail_of(process)
        is_failed = process.status == ProcessStatus.FAILED
        return self.render(
            request,
            "processes/process.html",
            str(process),
            process=process,
            trail=trail,
            timeline=timeline_of(process, trail),
            machine=process_machine(process.status),
            undone_badly=[row for row in trail if row.is_undone_badly],
            stuck_replies=selectors.stuck_replies_of(process),
            actions=selectors.actions_about(process, trail),
            may_compensate=is_failed and request.user.has_perm(COMPENSATE),
        )

    def compensate_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """GET asks for the reason and shows what would be undone; POST does it."""
        self.require_view_permission(request)
        if not request.user.has_perm(COMPENSATE):
            raise PermissionDenied
        process = get_object_or_404(self.visible(request, Process.objects.all()), pk=pk)
        if request.method != "POST" and process.status != ProcessStatus.FAILED:
            messages.warning(request, f"{process} is not FAILED; it is {process.status}.")
            return redirect("admin:processes_process_change", pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            self._compensate(request, process, form.cleaned_data["reason"])
            return redirect("admin:processes_process_change", pk)
        return self.render(
            request,
            "processes/compensate.html",
            "Run compensation",
            process=process,
            form=form,
            plan=selectors.planned_compensations([process])[process.id],
        )

    def _compensate(self, request: HttpRequest, process: Process, reason: str) -> None:
        try:
            compensate(process.id, reason=reason, **acting(request))
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        else:
            messages.success(request, f"{process} is being compensated.")

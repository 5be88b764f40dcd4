"""Bulk operations: the list, the confirmation of a draft, the page of one with its buttons."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods, require_POST
from django_fsm import can_proceed

from processes.admin import display
from processes.admin.filters import KnownValueFilter
from processes.admin.readonly import ReadOnlyAdmin
from processes.admin.requests import acting
from processes.bus.errors import CommandBusError
from processes.states import OperatorVerb
from tsq import bulk
from tsq.admin.bulk_forms import FORMS, BulkForm
from tsq.admin.resolutions import CANCEL, COMPLETE, RETRY
from tsq.bulk import selectors
from tsq.bulk.access import visible_operations
from tsq.bulk.choosing import needs_typed_count
from tsq.models import BulkOperation
from tsq.models.bulk import BulkStatus, ItemOutcome
from tsq.selectors import entry_subjects

RESOLUTIONS = {resolution.verb.value: resolution for resolution in (RETRY, COMPLETE, CANCEL)}
STEERING = {
    "pause": bulk.pause,
    "resume": bulk.resume,
    "stop": bulk.stop,
    "retry_failures": bulk.retry_failures,
}
OUTCOMES = {outcome.value: outcome.label for outcome in ItemOutcome} | {selectors.OPEN: "Open"}
MOST_SAMPLED = 10
ITEMS_PER_PAGE = 50


class BulkStatusFilter(KnownValueFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(s.value, s.label) for s in BulkStatus if s != BulkStatus.DRAFT]


class BulkVerbFilter(KnownValueFilter):
    title = "verb"
    parameter_name = "verb"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verb, OperatorVerb(verb).label) for verb in RESOLUTIONS]


@admin.register(BulkOperation)
class BulkOperationAdmin(ReadOnlyAdmin):
    list_display = ("what", "standing", "operator", "begun", "ended")
    list_filter = (BulkStatusFilter, BulkVerbFilter)
    ordering = ("-created_at", "-id")
    sortable_by = ()

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return BulkOperation.objects.exclude(status=BulkStatus.DRAFT)

    def visible(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        return visible_operations(request.user, rows)

    @admin.display(description="operation")
    def what(self, operation: BulkOperation) -> str:
        return _title(operation)

    @admin.display(description="status")
    def standing(self, operation: BulkOperation) -> str:
        return display.status_badge(operation.status)

    @admin.display(description="begun")
    def begun(self, operation: BulkOperation) -> str:
        return display.date_and_time(operation.created_at)

    @admin.display(description="ended")
    def ended(self, operation: BulkOperation) -> str:
        return display.date_and_time(operation.finished_at)

    def get_urls(self) -> list[URLPattern]:
        confirm = require_http_methods(["GET", "HEAD", "POST"])(self.confirm_view)
        steering = [
            self.url(f"<uuid:pk>/{word}/", require_POST(self.steer_view), word, word=word)
            for word in STEERING
        ]
        return [*super().get_urls(), self.url("<uuid:pk>/confirm/", confirm, "confirm"), *steering]

    def confirm_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """The operator's own draft: GET shows what is frozen in it, POST starts it."""
        self.require_view_permission(request)
        mine = BulkOperation.objects.filter(operator=request.user.get_username())
        operation = get_object_or_404(self.visible(request, mine), pk=pk)
        self._require_verb(request, operation)
        if operation.status != BulkStatus.DRAFT:
            return redirect("admin:tsq_bulkoperation_change", pk)
        data = request.POST if request.method == "POST" else None
        form = FORMS[operation.verb](data, needs_typed_count=needs_typed_count(operation))
        if form.is_valid() and self._confirm(request, operation, form):
            return redirect("admin:tsq_bulkoperation_change", pk)
        subjects = entry_subjects(selectors.sample_of(operation, MOST_SAMPLED))
        return self.render(
            request,
            "tsq/bulk_confirm.html",
            _title(operation),
            operation=operation,
            resolution=RESOLUTIONS[operation.verb],
            form=form,
            groups=selectors.groups_of(operation),
            most_groups=selectors.MOST_GROUPS_SHOWN,
            subjects=subjects,
            more=max(operation.size - len(subjects), 0),
        )

    def page(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self.require_view_permission(request)
        operation = get_object_or_404(self.get_queryset(request), pk=pk)
        progress = selectors.progress_of(operation)
        outcome = request.GET.get("outcome", "")
        outcome = outcome if outcome in OUTCOMES else ""
        items = Paginator(selectors.items_of(operation, outcome), ITEMS_PER_PAGE)
        items.count = progress.number(outcome)
        return self.render(
            request,
            "tsq/bulk_operation.html",
            _title(operation),
            operation=operation,
            resolution=RESOLUTIONS[operation.verb],
            is_running=operation.status == BulkStatus.RUNNING,
            progress=progress,
            outcome=outcome,
            choices=[(o, label, progress.number(o)) for o, label in OUTCOMES.items()],
            items=items.get_page(request.GET.get("page")),
            buttons=self._buttons(request, operation, progress),
        )

    def steer_view(self, request: HttpRequest, pk: uuid.UUID, word: str) -> HttpResponse:
        """Pause, resume, stop, retry the failures."""
        self.require_view_permission(request)
        operation = get_object_or_404(self.get_queryset(request), pk=pk)
        self._require_verb(request, operation)
        try:
            STEERING[word](operation.pk, **acting(request))
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        return redirect("admin:tsq_bulkoperation_change", pk)

    def _confirm(self, request: HttpRequest, operation: BulkOperation, form: BulkForm) -> bool:
        """False if the form is to be shown again."""
        try:
            bulk.confirm(operation.pk, **form.confirmed(), **acting(request))
        except bulk.CountNotTyped as error:
            form.add_error("typed_count", error.message)
            return False
        except CommandBusError as error:
            messages.error(request, f"Nothing was changed. {error}")
        return True

    def _buttons(
        self, request: HttpRequest, operation: BulkOperation, progress: selectors.Progress
    ) -> list[tuple[str, str]]:
        """The words this operator may say now, with their labels."""
        if not self._may(request, operation):
            return []
        possible = {word for word in STEERING if can_proceed(getattr(operation, word))}
        if not progress.failed:
            possible.discard("retry_failures")
        return [
            (word, word.replace("_", " ").capitalize()) for word in STEERING if word in possible
        ]

    def _may(self, request: HttpRequest, operation: BulkOperation) -> bool:
        return request.user.has_perm(f"tsq.{operation.verb}_tsqentry")

    def _require_verb(self, request: HttpRequest, operation: BulkOperation) -> None:
        if not self._may(request, operation):
            raise PermissionDenied


def _title(operation: BulkOperation) -> str:
    return f"{operation.get_verb_display()} {operation.size} TSQ entries"

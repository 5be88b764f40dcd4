"""The audit trail of what operators did: the list, one action with what it changed, and CSV."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.views.decorators.http import require_safe

from processes.admin import display
from processes.admin.audit_csv import csv_lines, subject_of
from processes.admin.audit_filters import FILTERS
from processes.admin.difference import difference
from processes.admin.readonly import ReadOnlyAdmin
from processes.models import OperatorAction
from processes.states import SubjectKind

SUBJECT_PAGES = {
    "command": "admin:tsq_tsqentry_change",
    "reply": "admin:tsq_stuckreply_change",
    "process": "admin:processes_process_change",
    SubjectKind.BULK_OPERATION: "admin:tsq_bulkoperation_change",
    SubjectKind.NOTIFICATION: "admin:tsq_notification_change",
    SubjectKind.NOTIFICATION_RULE: "admin:tsq_notificationrule_change",
}
PAYLOADS = (
    *("process__data", "process__state", "reply__data"),
    *("command__data", "command__edited_data"),
    *("reply__command__data", "reply__command__edited_data"),
)


@admin.register(OperatorAction)
class OperatorActionAdmin(ReadOnlyAdmin):
    pk_converter = "int"
    list_display = ("when", "operator", "did", "through", "domain", "subject", "why")
    list_filter = FILTERS
    ordering = ("-id",)
    list_display_links = None  # the cells are links themselves
    sortable_by = ()
    change_list_template = "processes/audit.html"

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        rows = OperatorAction.objects.select_related("command", "process", "reply__command")
        return rows.defer("before", "after", *PAYLOADS)

    def get_urls(self) -> list[URLPattern]:
        export = self.url("export/", require_safe(self.export_view), "export")
        return [*super().get_urls(), export]

    @admin.display(description="when", ordering="id")
    def when(self, action: OperatorAction) -> str:
        url = reverse("admin:processes_operatoraction_change", args=[action.pk])
        return format_html('<a href="{}">{}</a>', url, display.date_and_time(action.at))

    @admin.display(description="did")
    def did(self, action: OperatorAction) -> str:
        return action.get_action_display()

    @admin.display(description="through")
    def through(self, action: OperatorAction) -> str:
        return action.get_channel_display()

    @admin.display(description="subject")
    def subject(self, action: OperatorAction) -> str:
        kind, name, pk = subject_of(action)
        told = display.named_id(f"{kind.replace('_', ' ')} {name}".strip(), pk)
        try:
            url = reverse(SUBJECT_PAGES[kind], args=[pk])
        except NoReverseMatch:  # a site without the troubleshooting queue
            return told
        return format_html('<a href="{}">{}</a>', url, told)

    @admin.display(description="reason or note")
    def why(self, action: OperatorAction) -> str:
        return Truncator(action.reason).chars(display.LIST_MESSAGE_CHARACTERS)

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.require_view_permission(request)
        action = get_object_or_404(self._whole(self.get_queryset(request)), pk=pk)
        return self.render(
            request,
            "processes/audit_action.html",
            str(action),
            action=action,
            subject=self.subject(action),
            lines=difference(action.before, action.after),
        )

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """What the list's filters choose, all of it, as CSV."""
        self.require_view_permission(request)
        try:
            chosen = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect("admin:processes_operatoraction_changelist")
        return StreamingHttpResponse(
            csv_lines(self._whole(chosen)),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="operator-actions.csv"'},
        )

    def _whole(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With what was before and after."""
        return rows.defer(None).defer(*PAYLOADS)

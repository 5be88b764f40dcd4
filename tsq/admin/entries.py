"""TSQ entries: the list of parked commands and the page of one."""

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from processes.admin import display
from processes.admin.filters import KnownValueFilter
from processes.bus.states import CommandStatus
from tsq import selectors
from tsq.admin.cells import process_cell
from tsq.admin.choosing import ChoosingAdmin
from tsq.admin.resolutions import CANCEL, COMPLETE, RETRY
from tsq.forms import Chosen
from tsq.models import TsqEntry

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    ListedEntry = WithAnnotations[TsqEntry, selectors.OfProcess]


class ParkedValueFilter(KnownValueFilter):
    """Offers the values that parked commands have."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        values = TsqEntry.objects.order_by(self.parameter_name)
        return [(v, v) for v in values.values_list(self.parameter_name, flat=True).distinct()]


class DomainFilter(ParkedValueFilter):
    title = "domain"
    parameter_name = "domain"


class CommandTypeFilter(ParkedValueFilter):
    title = "command type"
    parameter_name = "command_type"


class ErrorCodeFilter(ParkedValueFilter):
    title = "error code"
    parameter_name = "last_error_code"


@admin.register(TsqEntry)
class TsqEntryAdmin(ChoosingAdmin):
    resolutions = (RETRY, COMPLETE, CANCEL)
    list_display = ("command", "domain", "error", "tried", "process", "parked")
    list_filter = (DomainFilter, CommandTypeFilter, ErrorCodeFilter)
    ordering = ("parked_at", "id")
    sortable_by = ("command", "domain", "error", "parked")
    search_fields = ("id", "correlation_id")
    search_help_text = "The whole id of a command or of its process."

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return selectors.listed_entries()

    def rows_ever(self) -> QuerySet[Any]:
        return selectors.entries_ever()

    def subjects(self, rows: Sequence[TsqEntry]) -> list[selectors.Subject]:
        return selectors.entry_subjects(rows)

    def chosen(self, row: TsqEntry) -> Chosen:
        return Chosen(row.pk, row.deliveries)

    @admin.display(description="command", ordering="command_type")
    def command(self, entry: "ListedEntry") -> str:
        return display.named_id(entry.command_type, entry.id)

    @admin.display(description="error", ordering="last_error_code")
    def error(self, entry: "ListedEntry") -> str:
        return display.error_cell(entry.last_error_code, entry.last_error_message)

    @admin.display(description="attempts")
    def tried(self, entry: "ListedEntry") -> str:
        return f"{entry.attempts} of {entry.max_attempts}"

    @admin.display(description="process")
    def process(self, entry: "ListedEntry") -> str:
        return process_cell(entry.process_id, entry.process_type, entry.process_status)

    @admin.display(description="parked for", ordering="parked_at")
    def parked(self, entry: "ListedEntry") -> str:
        return display.age(entry.parked_at)

    def page(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Any command that is or was in the TSQ, so that a late comer sees what became of it."""
        self.require_view_permission(request)
        entry = get_object_or_404(self.visible(request, self.rows_ever()), pk=pk)
        is_parked = entry.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE
        return self.render(
            request,
            "tsq/entry.html",
            str(entry),
            entry=entry,
            is_parked=is_parked,
            step=selectors.steps_of([entry.pk]).get(entry.pk),
            events=selectors.event_log(entry),
            actions=list(entry.operator_actions.all()),
            resolutions=self.permitted(request) if is_parked else [],
        )

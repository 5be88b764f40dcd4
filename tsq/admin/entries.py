"""TSQ entries: the list of parked commands and the page of one."""

import uuid
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from processes.admin import display
from processes.bus.models import Command
from processes.bus.states import CommandStatus
from processes.selectors import event_log
from processes.timeline import timeline_of
from tsq import selectors
from tsq.admin.care import CLAIM, CareAdmin
from tsq.admin.cells import age_cell, claim_cell
from tsq.admin.choosing import ChoosingAdmin
from tsq.admin.editing import EditingAdmin
from tsq.admin.entry_list import EntryChangeList
from tsq.admin.groups import GroupsAdmin
from tsq.admin.resolutions import CANCEL, COMPLETE, RETRY, Resolution
from tsq.forms import Chosen, EntryNoteForm
from tsq.models import TsqEntry


@admin.register(TsqEntry)
class TsqEntryAdmin(ChoosingAdmin, EditingAdmin, CareAdmin, GroupsAdmin):
    resolutions: ClassVar[tuple[Resolution, ...]] = (RETRY, COMPLETE, CANCEL)
    change_list_template = "tsq/entries.html"
    list_display = ("age", "command", "domain", "error", "tried", "process", "claimed_by")
    list_display_links = ("command",)
    ordering = ("parked_at", "id")
    sortable_by = ("age",)

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return selectors.listed_entries()

    def rows_ever(self) -> QuerySet[Any]:
        return selectors.entries_ever()

    def subjects(self, rows: Sequence[TsqEntry]) -> list[selectors.Subject]:
        return selectors.entry_subjects(rows)

    def chosen(self, row: TsqEntry) -> Chosen:
        return Chosen(row.pk, row.deliveries)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EntryChangeList]:
        return EntryChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A filter that will not do is a bad request; the page says what is wrong with it."""
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown and not shown["cl"].is_valid:
            response.status_code = HTTPStatus.BAD_REQUEST
        return response

    @admin.display(description="age", ordering="parked_at")
    def age(self, entry: TsqEntry) -> str:
        return age_cell(entry.parked_at)

    @admin.display(description="command")
    def command(self, entry: TsqEntry) -> str:
        return display.named_id(entry.command_type, entry.id)

    @admin.display(description="error")
    def error(self, entry: TsqEntry) -> str:
        return display.error_cell(entry.last_error_code, entry.last_error_message)

    @admin.display(description="attempts")
    def tried(self, entry: TsqEntry) -> str:
        return display.attempts_cell(entry.attempts, entry.max_attempts)

    @admin.display(description="process")
    def process(self, entry: Any) -> str:
        if entry.step is None:
            return "-"
        process = entry.step.process
        return display.process_cell(process.pk, process.process_type, process.status)

    @admin.display(description="claimed by")
    def claimed_by(self, entry: Any) -> str:
        claim = getattr(entry, "entry_claim", None)
        return claim_cell(claim.operator, claim.claimed_at) if claim else "-"

    def page(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        self.require_view_permission(request)
        return self.entry_page(request, pk)

    def entry_page(self, request: HttpRequest, pk: uuid.UUID, **shown: Any) -> HttpResponse:
        """Any command that is or was in the TSQ, so that a late comer sees what became of it."""
        entry = get_object_or_404(self.visible(request, self.rows_ever()), pk=pk)
        step = selectors.steps_of([entry.pk], with_state=True).get(entry.pk)
        context = {
            "entry": entry,
            "is_parked": entry.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE,
            "step": step,
            "timeline": timeline_of(step.process) if step else None,
            "events": event_log(entry),
            "actions": list(entry.operator_actions.resolutions()),
            "notes": selectors.notes_of(entry),
            "claim": selectors.claim_of(entry),
            "me": request.user.get_username(),
            "may_care": request.user.has_perm(CLAIM),
            "note_form": EntryNoteForm(),
            "offers": self.offers(request, entry),
        }
        return self.render(request, "tsq/entry.html", str(entry), **context | shown)

    def offers(self, request: HttpRequest, entry: Command) -> list[tuple[Resolution, str]]:
        """Each resolution with what stands in its way; nothing if it can be used."""
        is_parked = entry.status == CommandStatus.IN_TROUBLESHOOTING_QUEUE
        gone = "" if is_parked else "it is no longer in the TSQ"
        return [
            (
                resolution,
                gone if self.may(request, resolution) else "you do not have the permission",
            )
            for resolution in self.resolutions
        ]

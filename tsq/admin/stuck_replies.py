"""Stuck replies: the list of what holds up its process, and the page of one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.text import Truncator

from processes.admin import display
from processes.admin.filters import KnownValueFilter
from tsq import selectors
from tsq.admin.resolutions import GIVE_UP, HANDLE_AGAIN
from tsq.admin.resolving import ResolvingAdmin
from tsq.forms import Chosen
from tsq.models import StuckReply

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    ListedReply = WithAnnotations[StuckReply, selectors.OfProcess]


class DomainFilter(KnownValueFilter):
    title = "domain"
    parameter_name = "command__domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return known_values(model_admin.get_queryset(request), self.parameter_name)


class ProcessTypeFilter(KnownValueFilter):
    title = "process type"
    parameter_name = "process_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return known_values(model_admin.get_queryset(request), self.parameter_name)


def known_values(rows: QuerySet[Any], column: str) -> list[tuple[str, str]]:
    """The values there are; stuck replies are few, and an index finds them."""
    values = rows.order_by(column).values_list(column, flat=True).distinct()
    return [(value, value) for value in values if value]


@admin.register(StuckReply)
class StuckReplyAdmin(ResolvingAdmin):
    pk_converter = "int"
    domain_path = "command__domain"
    resolutions = (HANDLE_AGAIN, GIVE_UP)
    list_display = ("reply", "process", "standing", "error", "tries", "age")
    ordering = ("id",)
    sortable_by = ()
    list_filter = (DomainFilter, ProcessTypeFilter)
    search_fields = ("correlation_id", "command_id")
    search_help_text = "The whole id of a process or a command, or a part of the error."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_repeat = super().get_search_results(request, queryset, search_term)
        if term := search_term.strip().replace("\x00", ""):
            found |= queryset.filter(last_error__icontains=term)
        return found, may_repeat

    def rows(self, request: HttpRequest) -> QuerySet[Any]:
        return selectors.listed_stuck_replies()

    def rows_ever(self) -> QuerySet[Any]:
        return selectors.stuck_replies_ever()

    def subjects(self, rows: Sequence[StuckReply]) -> list[selectors.Subject]:
        return selectors.reply_subjects(rows)

    def chosen(self, row: StuckReply) -> Chosen:
        return Chosen(row.pk, row.version)

    @admin.display(description="reply to")
    def reply(self, reply: "ListedReply") -> str:
        return display.named_id(reply.command.command_type, reply.command_id)

    @admin.display(description="process")
    def process(self, reply: "ListedReply") -> str:
        return display.process_cell(reply.process_id, reply.process_type, reply.process_status)

    @admin.display(description="outcome")
    def standing(self, reply: "ListedReply") -> str:
        return display.status_badge(reply.outcome)

    @admin.display(description="error of its handling")
    def error(self, reply: "ListedReply") -> str:
        return Truncator(reply.last_error).chars(display.LIST_MESSAGE_CHARACTERS)

    @admin.display(description="age")
    def age(self, reply: "ListedReply") -> str:
        return display.age(reply.created_at)

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A stuck reply, or one an operator acted on: a late comer sees what became of it."""
        self.require_view_permission(request)
        reply = get_object_or_404(self.visible(request, self.rows_ever()), pk=pk)
        is_stuck = self.get_queryset(request).filter(pk=pk).exists()
        return self.render(
            request,
            "tsq/stuck_reply.html",
            str(reply),
            reply=reply,
            is_stuck=is_stuck,
            step=selectors.steps_of([reply.command_id]).get(reply.command_id),
            actions=list(reply.operator_actions.all()),
            resolutions=self.permitted(request) if is_stuck else [],
        )

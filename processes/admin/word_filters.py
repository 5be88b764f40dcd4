"""Filters of the lists of processes and commands, by the words of ``processes.filters``."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from processes.admin.filters import TypedFilter
from processes.bus.models import Command
from processes.filters import CommandFilter, InvalidFilter, ProcessFilter, chosen
from processes.models import Process

AGES = {"1h": "an hour", "1d": "a day", "7d": "a week", "30d": "30 days"}
_FILTERS = {Process: ProcessFilter, Command: CommandFilter}


def matching(request: HttpRequest, rows: QuerySet[Any], word: str, value: str) -> QuerySet[Any]:
    """Those of ``rows`` the word asks for; a value that will not do is told and matches nothing."""
    try:
        return chosen(_FILTERS[rows.model], {word: value}, rows)
    except InvalidFilter as refused:
        for told in refused.errors[word]:
            messages.error(request, f"{word.replace('_', ' ')}: {told}")
        return rows.none()


class WordSearch:
    """For an admin: what is typed into the search field is the word ``search``."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (matching(request, queryset, "search", term) if term else queryset), False


class WordFilter(admin.SimpleListFilter):
    """Offers the values it knows; others may stand in the address as well."""

    parameter_name: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return matching(request, queryset, self.parameter_name, value) if value else queryset

    def has_output(self) -> bool:
        """It works, even with nothing to offer."""
        return True


class TypedWordFilter(WordFilter, TypedFilter):
    """Any value, typed in."""

    lookups = TypedFilter.lookups
    choices = TypedFilter.choices


class MomentFilter(TypedWordFilter):
    input_type = "datetime-local"

    def shown(self, value: str) -> str:
        try:
            return f"{datetime.fromisoformat(value):%Y-%m-%dT%H:%M}"
        except ValueError:
            return ""


class OlderThanFilter(WordFilter):
    title = "age"
    parameter_name = "older_than"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(span, f"Older than {words}") for span, words in AGES.items()]


class IdFilter(TypedWordFilter):
    title = "id"
    parameter_name = "id"


class ErrorCodeFilter(TypedWordFilter):
    title = "error code"
    parameter_name = "error_code"


class CreatedAfterFilter(MomentFilter):
    title = "created after"
    parameter_name = "created_after"


class CreatedBeforeFilter(MomentFilter):
    title = "created before"
    parameter_name = "created_before"

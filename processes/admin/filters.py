"""Filters of lists: over values known without reading a big table, and by what is typed in."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from processes.access import domains_of
from processes.bus.handlers import registered_handlers
from processes.registry import known_process_types, manager_of


class KnownValueFilter(admin.SimpleListFilter):
    """Rows whose column ``parameter_name`` has the value chosen; unknown values match nothing."""

    parameter_name: str

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in {str(known) for known, _ in self.lookup_choices}:
            return queryset.none()
        return queryset.filter(**{self.parameter_name: value})


class TypedFilter(admin.SimpleListFilter):
    """A field to type in; it keeps the other filters."""

    template = "processes/typed_filter.html"
    parameter_name: str
    input_type = "text"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        others = changelist.get_filters_params()
        others.pop(self.parameter_name, None)
        yield {
            "others": [(name, value) for name, values in others.items() for value in values],
            "clear": changelist.get_query_string(remove=[self.parameter_name]),
            "value": self.shown(self.value() or ""),
        }

    def shown(self, value: str) -> str:
        """The value as its field takes it."""
        return value


def known_domains(request: HttpRequest) -> list[tuple[str, str]]:
    """Those this person is limited to, else those this code knows."""
    known = {handler.domain for handler in registered_handlers()}
    known |= {manager_of(name).domain for name in known_process_types()}
    allowed = domains_of(request.user)
    return [(name, name) for name in sorted(known if allowed is None else allowed)]

"""Filters of the lists: one column each, over values known without reading a big table."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from processes.registry import known_process_types, manager_of
from processes.states import ProcessStatus


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


class StatusFilter(KnownValueFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        committed = (status for status in ProcessStatus if status != ProcessStatus.IN_PROGRESS)
        return [(status.value, status.label) for status in committed]


class ProcessTypeFilter(KnownValueFilter):
    title = "process type"
    parameter_name = "process_type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(known_process_types())]


class DomainFilter(KnownValueFilter):
    title = "domain"
    parameter_name = "domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        domains = {manager_of(name).domain for name in known_process_types()}
        return [(name, name) for name in sorted(domains)]

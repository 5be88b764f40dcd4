"""The filters of the process list.  What each word means is ``processes.filters``' business."""

from typing import Any

from django.http import HttpRequest

from processes import dashboard
from processes.access import domains_of
from processes.admin.word_filters import (
    CreatedAfterFilter,
    CreatedBeforeFilter,
    ErrorCodeFilter,
    IdFilter,
    OlderThanFilter,
    TypedWordFilter,
    WordFilter,
)
from processes.registry import known_process_types, manager_of


class StatusFilter(WordFilter):
    """With counts, which stop at a bound."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (counted.status.value, f"{counted.status.label} ({_number(counted)})")
            for counted in dashboard.process_counts(domains_of(request.user), recent=())
        ]


class TypeFilter(WordFilter):
    title = "process type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        allowed, known = domains_of(request.user), sorted(known_process_types())
        return [
            (name, name) for name in known if allowed is None or manager_of(name).domain in allowed
        ]


class DomainFilter(WordFilter):
    title = "domain"
    parameter_name = "domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        known = {manager_of(name).domain for name in known_process_types()}
        allowed = domains_of(request.user)
        return [(name, name) for name in sorted(known if allowed is None else allowed)]


class StepFilter(TypedWordFilter):
    title = "current step"
    parameter_name = "step"


FILTERS = (
    *(StatusFilter, TypeFilter, DomainFilter, OlderThanFilter),
    *(StepFilter, ErrorCodeFilter, IdFilter, CreatedAfterFilter, CreatedBeforeFilter),
)


def _number(counted: dashboard.StatusCount) -> str:
    return f"{counted.number}{'+' if counted.is_cut else ''}"

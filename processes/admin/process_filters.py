"""The filters of the process list.  What each word means is ``processes.filters``' business."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from processes import dashboard
from processes.access import domains_of
from processes.admin.filters import TypedFilter
from processes.filters import ProcessFilter
from processes.registry import known_process_types, manager_of

AGES = {"1h": "an hour", "1d": "a day", "7d": "a week", "30d": "30 days"}


def matching(request: HttpRequest, rows: QuerySet[Any], word: str, value: str) -> QuerySet[Any]:
    """Those of ``rows`` the word asks for; a value that will not do is told and matches nothing."""
    chosen = ProcessFilter({word: value}, rows)
    for told in chosen.errors.get(word, []):
        messages.error(request, f"{word.replace('_', ' ')}: {told}")
    return rows.none() if chosen.errors else chosen.qs


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
        return [(name, name) for name in sorted(known_process_types())]


class DomainFilter(WordFilter):
    title = "domain"
    parameter_name = "domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        known = {manager_of(name).domain for name in known_process_types()}
        allowed = domains_of(request.user)
        return [(name, name) for name in sorted(known if allowed is None else allowed)]


class OlderThanFilter(WordFilter):
    title = "age"
    parameter_name = "older_than"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(span, f"Older than {words}") for span, words in AGES.items()]


class StepFilter(TypedWordFilter):
    title = "current step"
    parameter_name = "step"


class IdFilter(TypedWordFilter):
    title = "id"
    parameter_name = "id"


class ErrorCodeFilter(TypedWordFilter):
    title = "error code"
    parameter_name = "error_code"


class CreatedAfterFilter(MomentFilter):
    title = "started after"
    parameter_name = "created_after"


class CreatedBeforeFilter(MomentFilter):
    title = "started before"
    parameter_name = "created_before"


FILTERS = (
    *(StatusFilter, TypeFilter, DomainFilter, OlderThanFilter),
    *(StepFilter, ErrorCodeFilter, IdFilter, CreatedAfterFilter, CreatedBeforeFilter),
)


def _number(counted: dashboard.StatusCount) -> str:
    return f"{counted.number}{'+' if counted.is_cut else ''}"

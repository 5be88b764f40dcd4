"""The filters of the command list.  What each word means is ``processes.filters``' business."""

from typing import Any

from django.http import HttpRequest

from processes.access import domains_of
from processes.admin.filters import known_domains
from processes.admin.word_filters import (
    CreatedAfterFilter,
    CreatedBeforeFilter,
    ErrorCodeFilter,
    IdFilter,
    MomentFilter,
    OlderThanFilter,
    TypedWordFilter,
    WordFilter,
)
from processes.bus.handlers import registered_handlers
from processes.bus.states import CommandStatus


class StatusFilter(WordFilter):
    """Without counts: there may be millions of each."""

    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in CommandStatus]


class DomainFilter(WordFilter):
    title = "domain"
    parameter_name = "domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return known_domains(request)


class TypeFilter(WordFilter):
    title = "command type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        allowed = domains_of(request.user)
        known = registered_handlers()
        names = {h.command_type for h in known if allowed is None or h.domain in allowed}
        return [(name, name) for name in sorted(names)]


class WaitingForCodeFilter(WordFilter):
    title = "waiting for code"
    parameter_name = "waiting_for_code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("true", "Yes: no worker has a handler"), ("false", "No")]


class ReplyToFilter(TypedWordFilter):
    title = "reply to"
    parameter_name = "reply_to"


class CorrelationIdFilter(TypedWordFilter):
    title = "correlation id (of a process: its id)"
    parameter_name = "correlation_id"


class CompletedAfterFilter(MomentFilter):
    title = "completed after"
    parameter_name = "completed_after"


class ParkedAfterFilter(MomentFilter):
    title = "ever parked after"
    parameter_name = "parked_after"


FILTERS = (
    *(StatusFilter, DomainFilter, TypeFilter, OlderThanFilter, WaitingForCodeFilter),
    *(ErrorCodeFilter, IdFilter, CorrelationIdFilter, ReplyToFilter),
    *(CreatedAfterFilter, CreatedBeforeFilter, CompletedAfterFilter, ParkedAfterFilter),
)

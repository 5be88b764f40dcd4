"""Filters of the audit trail: by values known beforehand, and by what is typed in."""

from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from django.utils.timezone import get_current_timezone

from processes.admin.filters import KnownValueFilter, TypedFilter, known_domains
from processes.states import Channel, OperatorVerb


class ActionFilter(KnownValueFilter):
    title = "action"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(verb.value, verb.label) for verb in OperatorVerb]


class ChannelFilter(KnownValueFilter):
    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(channel.value, channel.label) for channel in Channel]


class ActionDomainFilter(KnownValueFilter):
    title = "domain"
    parameter_name = "domain"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return known_domains(request)


class OperatorFilter(TypedFilter):
    title = "operator"
    parameter_name = "operator"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = (self.value() or "").strip()
        if "\x00" in name:
            return queryset.none()
        return queryset.filter(operator=name) if name else queryset


class DayFilter(TypedFilter):
    """Actions since the beginning of a day, or until its end."""

    input_type = "date"
    lookup: str
    days_later: int

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = self.value()
        if not text:
            return queryset
        try:
            moment = self._moment(text)
        except (ValueError, OverflowError):
            messages.error(request, f"“{text[:30]}” is not a date; write it as 2026-12-31.")
            return queryset.none()
        return queryset.filter(**{self.lookup: moment})

    def _moment(self, text: str) -> datetime:
        day: date | None = parse_date(text)
        if day is None:
            raise ValueError(text)
        day += timedelta(days=self.days_later)
        return datetime(day.year, day.month, day.day, tzinfo=get_current_timezone())


class FromFilter(DayFilter):
    title = "date from"
    parameter_name = "from"
    lookup = "at__gte"
    days_later = 0


class UntilFilter(DayFilter):
    title = "date until"
    parameter_name = "until"
    lookup = "at__lt"
    days_later = 1


FILTERS = (
    *(OperatorFilter, FromFilter, UntilFilter),
    *(ActionFilter, ChannelFilter, ActionDomainFilter),
)

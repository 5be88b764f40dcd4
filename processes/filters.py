"""Which processes and commands: the same words in the console, in REST and on the command line."""

import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import DurationField, Q, QuerySet, Value

from processes.bus.clock import BusNow
from processes.bus.errors import CommandBusError
from processes.bus.models import NAME_LENGTH, Command, CommandEvent
from processes.bus.querysets import CommandQuerySet
from processes.bus.states import CommandStatus
from processes.models import Process
from processes.states import ProcessStatus

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,4})\s*([mhdw])", re.IGNORECASE)


class InvalidFilter(CommandBusError):
    """``errors`` has for each word that will not do what is wrong with it."""

    code = "INVALID_FILTER"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        told = [f"{word}: {' '.join(messages)}" for word, messages in errors.items()]
        super().__init__(" ".join(told))
        self.errors = errors


def chosen(
    filters: type[django_filters.FilterSet],
    words: Mapping[str, Any],
    rows: QuerySet[Any],
    **options: Any,
) -> QuerySet[Any]:
    """Those of ``rows`` the words ask for.  Raises InvalidFilter, for an unknown word as well."""
    known = filters.base_filters
    refused = {
        word: [f"There is no such filter; there are {', '.join(known)}."]
        for word in words
        if word not in known
    }
    filtered = filters(words, rows, **options)
    refused |= {word: [str(e) for e in told] for word, told in filtered.errors.items()}
    if refused:
        raise InvalidFilter(refused)
    return filtered.qs


class AgeField(forms.CharField):
    """A span like "30m", "2h", "3d" or "1w", as a timedelta."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        match = _AGE.fullmatch(text)
        if match is None:
            raise ValidationError("Write a number and m, h, d or w, for instance 30m, 2h or 3d.")
        return timedelta(**{_UNITS[match[2].lower()]: int(match[1])})


class AgeFilter(django_filters.Filter):
    """Rows whose moment lies longer ago than the span."""

    field_class = AgeField

    def filter(self, qs: QuerySet[Any], value: timedelta | None) -> QuerySet[Any]:
        if value is None:
            return qs
        return qs.filter(**{f"{self.field_name}__lte": BusNow() - Value(value, DurationField())})


class YesNoField(forms.CharField):
    """Unlike Django's, it refuses what is neither."""

    def to_python(self, value: Any) -> Any:
        text = str(super().to_python(value) or "").lower()
        if text not in ("", "true", "false"):
            raise ValidationError("Write true or false.")
        return {"true": True, "false": False}.get(text)


class YesNoFilter(django_filters.BooleanFilter):
    field_class = YesNoField


class ProcessFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        choices=[(s.value, s.label) for s in ProcessStatus if s != ProcessStatus.IN_PROGRESS]
    )
    domain = django_filters.CharFilter(max_length=NAME_LENGTH)
    type = django_filters.CharFilter("process_type", max_length=NAME_LENGTH)
    step = django_filters.CharFilter("current_step", max_length=NAME_LENGTH)
    error_code = django_filters.CharFilter(method="failed_with", max_length=NAME_LENGTH)
    older_than = AgeFilter("created_at")
    created_after = django_filters.IsoDateTimeFilter("created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter("created_at", lookup_expr="lt")
    id = django_filters.UUIDFilter()
    search = django_filters.CharFilter(method="found", max_length=NAME_LENGTH)

    class Meta:
        model = Process
        fields: list[str] = []

    def failed_with(self, rows: QuerySet[Any], name: str, code: str) -> QuerySet[Any]:
        return rows.exclude(error_code="").filter(error_code=code)

    def found(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        return _found(rows, "error", text)


class CommandFilter(django_filters.FilterSet):
    """``parked_after`` asks for those ever parked since; the others for what is so now."""

    status = django_filters.ChoiceFilter(method="in_status", choices=CommandStatus.choices)
    domain = django_filters.CharFilter(max_length=NAME_LENGTH)
    type = django_filters.CharFilter("command_type", max_length=NAME_LENGTH)
    error_code = django_filters.CharFilter(method="failed_with", max_length=NAME_LENGTH)
    older_than = AgeFilter("created_at")
    created_after = django_filters.IsoDateTimeFilter("created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter("created_at", lookup_expr="lt")
    completed_after = django_filters.IsoDateTimeFilter("completed_at", lookup_expr="gte")
    parked_after = django_filters.IsoDateTimeFilter(method="ever_parked_since")
    waiting_for_code = YesNoFilter(method="without_code")
    correlation_id = django_filters.UUIDFilter()
    reply_to = django_filters.CharFilter(max_length=NAME_LENGTH)
    id = django_filters.UUIDFilter()
    search = django_filters.CharFilter(method="found", max_length=NAME_LENGTH)

    class Meta:
        model = Command
        fields: list[str] = []

    def in_status(self, rows: CommandQuerySet, name: str, status: str) -> CommandQuerySet:
        return rows.in_status(status)

    def failed_with(self, rows: CommandQuerySet, name: str, code: str) -> CommandQuerySet:
        return rows.with_error().filter(last_error_code=code)

    def ever_parked_since(
        self, rows: CommandQuerySet, name: str, moment: datetime
    ) -> CommandQuerySet:
        return rows.filter(pk__in=CommandEvent.objects.parked_since(moment).values("command"))

    def without_code(self, rows: CommandQuerySet, name: str, wanted: bool) -> CommandQuerySet:
        return rows.waiting_for_code() if wanted else rows.not_waiting_for_code()

    def found(self, rows: CommandQuerySet, name: str, text: str) -> QuerySet[Any]:
        return _found(rows, "last_error", text)


def _found(rows: QuerySet[Any], error: str, text: str) -> QuerySet[Any]:
    """By the whole id, or anywhere in an error: only rows that have one are read for that."""
    try:
        return rows.filter(id=uuid.UUID(text))
    except ValueError:
        code, message = f"{error}_code", f"{error}_message"
        matches = Q((f"{code}__icontains", text)) | Q((f"{message}__icontains", text))
        return rows.exclude(**{code: ""}).filter(matches)

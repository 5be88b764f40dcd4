"""Which processes: the same words in the console's URL, in REST and on the command line."""

import re
import uuid
from datetime import timedelta
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import DurationField, Q, QuerySet, Value

from processes.bus.clock import BusNow
from processes.bus.models import NAME_LENGTH
from processes.models import Process
from processes.states import ProcessStatus

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGE = re.compile(r"([0-9]{1,4})\s*([mhdw])", re.IGNORECASE)


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
    field_class = AgeField


class ProcessFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        choices=[(s.value, s.label) for s in ProcessStatus if s != ProcessStatus.IN_PROGRESS]
    )
    domain = django_filters.CharFilter(max_length=NAME_LENGTH)
    type = django_filters.CharFilter("process_type", max_length=NAME_LENGTH)
    step = django_filters.CharFilter("current_step", max_length=NAME_LENGTH)
    error_code = django_filters.CharFilter(method="failed_with", max_length=NAME_LENGTH)
    older_than = AgeFilter("created_at", method="started_before")
    created_after = django_filters.IsoDateTimeFilter("created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter("created_at", lookup_expr="lt")
    id = django_filters.UUIDFilter()
    search = django_filters.CharFilter(method="found", max_length=NAME_LENGTH)

    class Meta:
        model = Process
        fields: list[str] = []

    def failed_with(self, rows: QuerySet[Any], name: str, code: str) -> QuerySet[Any]:
        return rows.exclude(error_code="").filter(error_code=code)

    def started_before(self, rows: QuerySet[Any], name: str, age: timedelta) -> QuerySet[Any]:
        return rows.filter(created_at__lte=BusNow() - Value(age, DurationField()))

    def found(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        """By the whole id, or anywhere in an error: only processes with one are read for that."""
        try:
            return rows.filter(id=uuid.UUID(text))
        except ValueError:
            matches = Q(error_code__icontains=text) | Q(error_message__icontains=text)
            return rows.exclude(error_code="").filter(matches)

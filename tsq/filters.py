"""Which entries: the same words in the console's URL, in REST and on the command line."""

from collections.abc import Mapping
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast

from processes.bus.models import NAME_LENGTH
from processes.bus.states import ReplyOutcome
from processes.filters import AgeFilter, InvalidFilter, chosen
from tsq.models import StuckReply, TsqEntry

__all__ = ["ME", "NOBODY", "EntryFilter", "InvalidFilter", "StuckReplyFilter", "matching_entries"]

ME = "me"
NOBODY = "nobody"


class WordsForm(forms.Form):
    me = ""

    def clean_claimed_by(self) -> str:
        who: str = self.cleaned_data["claimed_by"]
        if who == ME and not self.me:
            raise ValidationError("Nobody is logged in who could be meant; write a name.")
        return self.me if who == ME else who


class EntryFilter(django_filters.FilterSet):
    """``claimed_by`` takes a name, "nobody", or "me": the user of the request, or ``me``."""

    domain = django_filters.CharFilter(max_length=NAME_LENGTH)
    type = django_filters.CharFilter("command_type", max_length=NAME_LENGTH)
    error_code = django_filters.CharFilter("last_error_code", max_length=NAME_LENGTH)
    fingerprint = django_filters.CharFilter(max_length=32)
    older_than = AgeFilter("parked_at")
    claimed_by = django_filters.CharFilter(method="claimed", max_length=NAME_LENGTH)
    parked_after = django_filters.IsoDateTimeFilter("parked_at", lookup_expr="gte")
    parked_before = django_filters.IsoDateTimeFilter("parked_at", lookup_expr="lt")
    id = django_filters.UUIDFilter()
    correlation_id = django_filters.UUIDFilter()
    search = django_filters.CharFilter(method="found_anywhere", max_length=NAME_LENGTH)

    class Meta:
        model = TsqEntry
        form = WordsForm
        fields: list[str] = []

    def __init__(self, *args: Any, me: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        user = getattr(self.request, "user", None)
        self.form.me = me or (user.get_username() if user else "")

    def claimed(self, rows: QuerySet[Any], name: str, who: str) -> QuerySet[Any]:
        if who == NOBODY:
            return rows.filter(entry_claim=None)
        return rows.filter(entry_claim__operator=who)

    def found_anywhere(self, rows: QuerySet[Any], name: str, text: str) -> QuerySet[Any]:
        """In the ids, the error or the payload.  Reads parked rows only: an index finds those."""
        places = {
            place: Cast(F(column), TextField())
            for place, column in (
                ("id_text", "id"),
                ("correlation_text", "correlation_id"),
                ("data_text", "data"),
            )
        }
        matches = Q(last_error_code__icontains=text) | Q(last_error_message__icontains=text)
        for place in places:
            matches |= Q((f"{place}__icontains", text))
        return rows.alias(**places).filter(matches)


class StuckReplyFilter(django_filters.FilterSet):
    domain = django_filters.CharFilter("command__domain", max_length=NAME_LENGTH)
    type = django_filters.CharFilter("command__command_type", max_length=NAME_LENGTH)
    outcome = django_filters.ChoiceFilter(choices=ReplyOutcome.choices)
    older_than = AgeFilter("created_at")
    id = django_filters.NumberFilter()

    class Meta:
        model = StuckReply
        fields: list[str] = []


def matching_entries(
    words: Mapping[str, Any], rows: QuerySet[Any] | None = None, me: str = ""
) -> QuerySet[Any]:
    """The entries the words ask for, of ``rows`` or of all.  Raises InvalidFilter."""
    return chosen(EntryFilter, words, TsqEntry.objects.all() if rows is None else rows, me=me)

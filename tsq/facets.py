"""The filter bar: how many open entries each choice would leave, in two grouped queries."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, Count, DurationField, QuerySet, Value, When
from django.db.models.functions import TruncDate

from processes.bus.clock import BusNow
from tsq.filters import ME, NOBODY, matching_entries

AGES = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "1w": timedelta(weeks=1)}
_LABELS = {
    "older_than": {"1h": "over an hour", "1d": "over a day", "1w": "over a week"},
    "claimed_by": {ME: "me", NOBODY: "nobody"},
}
"""Choices that are always offered, also where they leave nothing."""
_TITLES = {
    "domain": "Domain",
    "type": "Command",
    "error_code": "Error",
    "older_than": "Age",
    "claimed_by": "Claimed by",
}
_DATES = ("parked_after", "parked_before")
MOST_DAYS = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """``words`` are what choosing it (or, if chosen, no longer choosing it) sets; None removes."""

    label: str
    count: int
    is_chosen: bool
    words: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Facet:
    title: str
    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class _Group:
    """So many entries alike; ``ages`` are the ones of ``AGES`` they are older than."""

    domain: str
    type: str
    error_code: str
    claimant: str | None
    passed: int
    count: int

    def values_of(self, word: str, me: str) -> list[str]:
        """The values of ``word`` that choose this group."""
        if word == "older_than":
            return list(AGES)[: self.passed]
        if word == "claimed_by":
            who = [NOBODY] if self.claimant is None else [self.claimant]
            return [ME, *who] if self.claimant and self.claimant == me else who
        return [getattr(self, word)]


class Facets:
    """Of the ``rows`` one may see, under the ``words`` chosen so far (which must be valid)."""

    def __init__(self, rows: QuerySet[Any], words: Mapping[str, str], me: str) -> None:
        self._rows, self._me = rows, me
        self._words = {word: value for word, value in words.items() if value}
        self._picked = {w: v for w, v in self._words.items() if w in _TITLES and _is_offered(w, v)}
        rest = {w: v for w, v in self._words.items() if w not in self._picked}
        self._groups = _grouped(matching_entries(rest, rows, me))

    @property
    def total(self) -> int:
        """How many entries match all the words."""
        return sum(group.count for group in self._groups if self._matches(group))

    def all(self) -> list[Facet]:
        return [Facet(title, self._choices(word)) for word, title in _TITLES.items()]

    def dates(self) -> list[Choice]:
        """The months in which entries were parked; within one month, its days."""
        words = {w: v for w, v in self._words.items() if w not in _DATES}
        days = dict(
            matching_entries(words, self._rows, self._me)
            .order_by()
            .values_list(TruncDate("parked_at"))
            .annotate(count=Count("pk"))
            .order_by("-truncdate1")[:MOST_DAYS]
        )
        return _periods(days, self._words.get("parked_after"), self._words.get("parked_before"))

    def _matches(self, group: _Group, without: str = "") -> bool:
        return all(
            value in group.values_of(word, self._me)
            for word, value in self._picked.items()
            if word != without
        )

    def _choices(self, word: str) -> list[Choice]:
        counts: Counter[str] = Counter(dict.fromkeys(_LABELS.get(word, {}), 0))
        for group in self._groups:
            if self._matches(group, without=word):
                for value in group.values_of(word, self._me):
                    counts[value] += group.count
        picked = self._picked.get(word)
        if picked is not None:
            counts.setdefault(picked, 0)
        ranked = list(counts.items()) if word == "older_than" else counts.most_common()
        return [
            Choice(_label(word, v), n, v == picked, {word: None if v == picked else v})
            for v, n in ranked
            if word != "claimed_by" or v in (ME, NOBODY, picked)
        ]


def _grouped(rows: QuerySet[Any]) -> list[_Group]:
    passed = [
        When(parked_at__lte=BusNow() - Value(age, DurationField()), then=Value(number))
        for number, age in reversed(list(enumerate(AGES.values(), start=1)))
    ]
    columns = ("domain", "command_type", "last_error_code", "entry_claim__operator")
    grouped = rows.order_by().values_list(*columns, Case(*passed, default=Value(0)))
    return [_Group(*row) for row in grouped.annotate(count=Count("pk"))]


def _is_offered(word: str, value: str) -> bool:
    return word != "older_than" or value in AGES


def _label(word: str, value: str) -> str:
    return _LABELS.get(word, {}).get(value, value)


def _periods(days: Mapping[date, int], after: str | None, before: str | None) -> list[Choice]:
    """Days where a month or day is chosen, or there is but one month; else months."""
    chosen_month = after[:7] if after else None
    months: Counter[date] = Counter()
    for day, count in days.items():
        months[day.replace(day=1)] += count
    spans = [(f"{m:%B %Y}", m, _next_month(m), n) for m, n in months.items()]
    if len(months) < 2 or chosen_month:
        spans = [
            (f"{d:%a %d %b}", d, d + timedelta(days=1), n)
            for d, n in days.items()
            if not chosen_month or f"{d:%Y-%m}" == chosen_month
        ]
    return [_period(label, first, end, n, (after, before)) for label, first, end, n in spans]


def _period(
    label: str, first: date, end: date, count: int, chosen: tuple[str | None, str | None]
) -> Choice:
    words = (first.isoformat(), end.isoformat())
    is_chosen = words == chosen
    month = first.replace(day=1)
    up = (month.isoformat(), _next_month(month).isoformat())
    return Choice(
        label, count, is_chosen, dict(zip(_DATES, up if is_chosen else words, strict=True))
    )


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)

"""The list of entries: filtered by the shared words, with counts, in few queries."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.views.main import (
    ALL_VAR,
    ERROR_FLAG,
    ORDER_VAR,
    PAGE_VAR,
    ChangeList,
)
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

from processes.admin.readonly import MOST_COUNTED, BoundedPaginator
from tsq import selectors
from tsq.facets import Choice, Facets
from tsq.filters import EntryFilter, InvalidFilter, matching_entries

_OF_THE_LIST = {ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR}
MOST_CHIPS = 8
MOST_FOUND = 1000
"""A search lists and counts no more; other filters beside it find the others."""


def words_of(query: QueryDict) -> dict[str, str]:
    """The filter words of an address; what belongs to the list itself is left out."""
    words = {word: str(value) for word, value in query.items() if value}
    return {word: value for word, value in words.items() if word not in _OF_THE_LIST}


class EntryChangeList(ChangeList):
    """Words that will not do are told, and show nothing rather than everything."""

    is_cut = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        self.filter_specs, self.has_filters, self.has_active_filters = [], False, False
        self.words = words_of(request.GET)
        self.me = request.user.get_username()
        self.is_valid = True
        try:
            rows = matching_entries(self.words, self.root_queryset, self.me)
        except InvalidFilter as error:
            self.is_valid = False
            messages.error(request, error.message)
            return self.root_queryset.none()
        return rows.order_by(*self.get_ordering(request, rows))

    def get_results(self, request: HttpRequest) -> None:
        """Searches and counts once, for the filter bar and the pages alike."""
        seen, words = self._searched()
        facets = Facets(seen, words, self.me)
        self.facets = [(facet.title, *self._chips(facet.choices)) for facet in facets.all()]
        self.dates = self._chips(facets.dates())
        rows = matching_entries(words, seen, self.me)
        paginator = BoundedPaginator(
            rows.order_by(*self.queryset.query.order_by), self.list_per_page
        )
        paginator.count = min(facets.total, MOST_COUNTED)
        page = paginator.get_page(self.page_num)
        self.page_num, self.paginator = page.number, paginator
        self.result_list = selectors.with_steps(page.object_list)
        self.result_count = paginator.count
        self.multi_page = paginator.num_pages > 1
        self.can_show_all = self.show_full_result_count = False
        self.full_result_count = None
        self.show_admin_actions = True

    def _searched(self) -> tuple[QuerySet[Any], dict[str, str]]:
        """The rows that the other words choose from, and those words.

        A search reads every payload, so it is done once and ends when enough is found.
        """
        if not self.is_valid:
            return self.root_queryset.none(), {}
        words = dict(self.words)
        if words.pop("search", ""):
            pks = list(self.queryset.values_list("pk", flat=True)[:MOST_FOUND])
            self.is_cut = len(pks) == MOST_FOUND
            return self.root_queryset.filter(pk__in=pks), words
        return self.root_queryset, words

    def chosen(self) -> list[tuple[str, str, str]]:
        """Each word with its value and the address without it."""
        return [
            (word.replace("_", " "), value, self.get_query_string({word: None}))
            for word, value in self.words.items()
            if word in EntryFilter.base_filters
        ]

    def _chips(self, choices: list[Choice]) -> tuple[list[Any], list[Any]]:
        """Those shown at once, and the others: each choice with its address."""
        chips = [
            (choice, self.get_query_string({**choice.words, PAGE_VAR: None})) for choice in choices
        ]
        shown = [chip for n, chip in enumerate(chips) if n < MOST_CHIPS or chip[0].is_chosen]
        return shown, [chip for chip in chips if chip not in shown]

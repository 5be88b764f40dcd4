"""Which bulk operations, and which items of one."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from processes.bus.models import NAME_LENGTH
from processes.states import OperatorVerb
from tsq.bulk.beginning import ARGUMENTS
from tsq.bulk.selectors import OPEN, with_outcome
from tsq.models import BulkItem, BulkOperation
from tsq.models.bulk import BulkStatus, ItemOutcome

VERBS = [(verb.value, OperatorVerb(verb).label) for verb in ARGUMENTS]
OUTCOMES = [*ItemOutcome.choices, (OPEN, "Open")]


class OperationFilter(django_filters.FilterSet):
    status = django_filters.ChoiceFilter(
        choices=[(s.value, s.label) for s in BulkStatus if s != BulkStatus.DRAFT]
    )
    verb = django_filters.ChoiceFilter(choices=VERBS)
    operator = django_filters.CharFilter(max_length=NAME_LENGTH)

    class Meta:
        model = BulkOperation
        fields: list[str] = []


class ItemFilter(django_filters.FilterSet):
    outcome = django_filters.ChoiceFilter(method="that_ended", choices=OUTCOMES)

    class Meta:
        model = BulkItem
        fields: list[str] = []

    def that_ended(self, rows: QuerySet[Any], name: str, outcome: str) -> QuerySet[Any]:
        return with_outcome(rows, outcome)

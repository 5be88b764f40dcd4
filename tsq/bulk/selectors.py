"""What people are shown of a bulk operation, in few queries however large it is."""

from dataclasses import dataclass
from typing import TypedDict

from django.db.models import Count, QuerySet

from tsq.models import BulkItem, BulkOperation, TsqEntry
from tsq.models.bulk import ItemOutcome

MOST_GROUPS_SHOWN = 20
OPEN = "OPEN"
"""How pages call items without an outcome."""


class Group(TypedDict):
    """How many of the chosen entries are alike."""

    command__domain: str
    command__command_type: str
    command__last_error_code: str
    number: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many items have which outcome."""

    done: int
    skipped: int
    failed: int
    open: int

    @property
    def handled(self) -> int:
        return self.done + self.skipped + self.failed

    @property
    def total(self) -> int:
        return self.handled + self.open

    def number(self, outcome: str) -> int:
        """Of all items if ``outcome`` is empty."""
        return int(getattr(self, outcome.lower())) if outcome else self.total


def groups_of(operation: BulkOperation) -> list[Group]:
    """The largest groups of like entries among those chosen."""
    alike = ("command__domain", "command__command_type", "command__last_error_code")
    counted = operation.items.order_by().values(*alike).annotate(number=Count("pk"))
    return list(counted.order_by("-number", *alike)[:MOST_GROUPS_SHOWN])


def sample_of(operation: BulkOperation, size: int) -> list[TsqEntry]:
    """Of the first chosen those that are still in the TSQ."""
    ids = list(operation.items.values_list("command_id", flat=True)[:size])
    return list(TsqEntry.objects.filter(pk__in=ids).defer("data").order_by("parked_at", "id"))


def progress_of(operation: BulkOperation) -> Progress:
    counted = operation.items.order_by().values_list("outcome").annotate(Count("pk"))
    numbers = dict(counted)
    return Progress(
        numbers.get(ItemOutcome.DONE, 0),
        numbers.get(ItemOutcome.SKIPPED, 0),
        numbers.get(ItemOutcome.FAILED, 0),
        numbers.get(None, 0),
    )


def items_of(operation: BulkOperation, outcome: str) -> QuerySet[BulkItem]:
    """In the order they are done; of one outcome, or of all if it is empty."""
    items = operation.items.select_related("command").defer("command__data")
    return items.filter(outcome=None if outcome == OPEN else outcome) if outcome else items

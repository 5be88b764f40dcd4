"""What people are shown of a bulk operation, in few queries however large it is."""

from dataclasses import dataclass
from typing import Any, TypedDict

from django.db.models import Count, QuerySet

from tsq.models import BulkItem, BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus, ItemOutcome

MOST_GROUPS_SHOWN = 20
OPEN = "OPEN"
"""How pages call items without an outcome."""


class Group(TypedDict):
    """How many of the chosen entries are alike."""

    domain: str
    command_type: str
    error_code: str
    number: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation over some entries would be about."""

    count: int
    groups: list[Group]
    sample: list[TsqEntry]


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


def begun_operations() -> QuerySet[BulkOperation]:
    """Those that somebody confirmed."""
    return BulkOperation.objects.exclude(status=BulkStatus.DRAFT)


def preview_of(entries: QuerySet[Any], sample_size: int) -> Preview:
    """Reads only; what is chosen afterwards may be others."""
    sample = (
        entries.select_related("entry_claim")
        .defer("data", "edited_data")
        .order_by("parked_at", "id")[:sample_size]
    )
    return Preview(entries.count(), _largest_groups(entries), list(sample))


def groups_of(operation: BulkOperation) -> list[Group]:
    """The largest groups of like entries among those chosen."""
    return _largest_groups(operation.items.all(), "command__")


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
    return with_outcome(items, outcome) if outcome else items


def with_outcome(items: QuerySet[BulkItem], outcome: str) -> QuerySet[BulkItem]:
    return items.filter(outcome=None if outcome == OPEN else outcome)


def _largest_groups(rows: QuerySet[Any], path: str = "") -> list[Group]:
    """``path`` leads from the rows to their commands."""
    alike = [f"{path}{column}" for column in ("domain", "command_type", "last_error_code")]
    counted = rows.order_by().values_list(*alike).annotate(number=Count("pk"))
    largest = counted.order_by("-number", *alike)[:MOST_GROUPS_SHOWN]
    return [Group(domain=d, command_type=t, error_code=c, number=n) for d, t, c, n in largest]

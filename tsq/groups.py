"""Open entries grouped by the fingerprint of their error."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, Max, Min, Q, QuerySet, Value

from processes.bus.clock import BusNow

MOST_GROUPS = 200
NEW_FOR = timedelta(hours=1)
"""An entry parked so lately is new: its group says so and stands on top."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    fingerprint: str
    domain: str
    command_type: str
    error_code: str
    count: int
    new: int
    first_seen: datetime
    last_seen: datetime
    sample: str


def error_groups(rows: QuerySet[Any]) -> tuple[list[ErrorGroup], bool]:
    """The groups of these entries, the one seen last first; and whether some were left out."""
    is_new = Q(parked_at__gt=BusNow() - Value(NEW_FOR, DurationField()))
    found = (
        rows.order_by()
        .values_list("fingerprint", "domain", "command_type", "last_error_code")
        .annotate(
            count=Count("pk"),
            new=Count("pk", filter=is_new),
            first_seen=Min("parked_at"),
            last_seen=Max("parked_at"),
            sample=Max("last_error_message"),
        )
        .order_by("-last_seen", "fingerprint")[: MOST_GROUPS + 1]
    )
    groups = [ErrorGroup(*row) for row in found]
    return groups[:MOST_GROUPS], len(groups) > MOST_GROUPS

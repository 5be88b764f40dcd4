"""From a choice to a running operation in one go, for who asks for it in one request."""

import uuid
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from processes.audit import Operator
from processes.bus.errors import CommandBusError
from processes.bus.querysets import CommandQuerySet
from processes.states import OperatorVerb
from tsq import operations
from tsq.bulk.choosing import choose
from tsq.bulk.steering import confirm
from tsq.models import BulkOperation

ARGUMENTS = {
    OperatorVerb.RETRY: ("note",),
    OperatorVerb.COMPLETE: ("result_data", "note"),
    OperatorVerb.CANCEL: ("reason",),
}
"""What each verb that can be done to many is told."""


class NothingChosen(CommandBusError):
    """There is no entry among those chosen."""

    code = "NOTHING_CHOSEN"


class NoSuchEntries(CommandBusError):
    """``missing`` are ids of no entry that is parked and may be seen."""

    code = "NO_SUCH_ENTRIES"

    def __init__(self, missing: AbstractSet[uuid.UUID]) -> None:
        super().__init__(f"{len(missing)} of the ids are of no entry in the TSQ.")
        self.missing = missing


def named_entries(ids: Sequence[uuid.UUID], visible: Any) -> CommandQuerySet:
    """Of the ``visible`` commands those with these ids, all parked.  Raises NoSuchEntries.

    One that moves on before it is frozen stays chosen: its outcome tells who was first.
    """
    named: CommandQuerySet = visible.filter(pk__in=ids)
    if missing := set(ids).difference(named.parked().values_list("pk", flat=True)):
        raise NoSuchEntries(missing)
    return named


@transaction.atomic
def begin(
    verb: OperatorVerb,
    entries: QuerySet[Any],
    by: Operator,
    chosen_by: dict[str, Any],
    *,
    arguments: dict[str, Any],
    rate: float | None = None,
    typed_count: int | None = None,
) -> BulkOperation:
    """Freeze these entries and start.

    Raises NothingChosen, CountNotTyped, ReasonRequired, InvalidResult.
    """
    operations.resolving(verb, by, arguments)  # what would fail for each is refused before any
    draft = choose(verb, entries.order_by("parked_at", "id"), by, chosen_by)
    if not draft.size:
        raise NothingChosen("No parked entry matches; there is nothing to do.")
    return confirm(
        draft.pk,
        operator=by.name,
        arguments=arguments,
        rate=rate,
        typed_count=typed_count,
        channel=by.channel,
        request_id=by.request_id,
    )

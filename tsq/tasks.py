"""What django-q2's workers run for the console."""

import time
import uuid
from datetime import datetime

from tsq import bulk

LONGEST_WAIT_SECONDS = 1.0
"""A chunk that is not due yet lets its worker do something else after so long."""


def run_chunk(operation_id: uuid.UUID, turn: datetime) -> None:
    """The operation's next chunk, once it is due; nothing if another worker had this turn."""
    due_in = bulk.seconds_until(operation_id, turn)
    if due_in is None:
        return
    time.sleep(min(due_in, LONGEST_WAIT_SECONDS))
    if due_in <= LONGEST_WAIT_SECONDS:
        bulk.run_chunk(operation_id, turn)
    else:
        bulk.enqueue(operation_id, turn)


def look_after_bulk_operations() -> None:
    """Every minute: goes on with what a killed worker left, and clears old drafts away."""
    bulk.go_on_with_stalled()
    bulk.discard_old_drafts()

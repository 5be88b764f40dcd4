"""Bulk operations: one verb for many entries.

choosing   freezes what was chosen as a draft, shows what it is, discards old ones
beginning  chooses and confirms in one go, for who asks in one request
steering   confirm, pause, resume, stop, retry failures
queue      one task per chunk; a turn is taken once, however many tasks name it
running    takes a turn, does a chunk of items in one transaction with their outcomes
selectors  what pages show: the chosen by groups, a sample, progress, items
access     who may see an operation, and what its operator may still do while it runs
"""

from tsq.bulk.beginning import NoSuchEntries, NothingChosen, begin, named_entries
from tsq.bulk.choosing import choose, discard, discard_old_drafts
from tsq.bulk.queue import enqueue, go_on_with_stalled, seconds_until
from tsq.bulk.running import run_chunk
from tsq.bulk.steering import (
    BulkMovedOn,
    CountNotTyped,
    confirm,
    pause,
    resume,
    retry_failures,
    stop,
)

__all__ = [
    "BulkMovedOn",
    "CountNotTyped",
    "NoSuchEntries",
    "NothingChosen",
    "begin",
    "choose",
    "confirm",
    "discard",
    "discard_old_drafts",
    "enqueue",
    "go_on_with_stalled",
    "named_entries",
    "pause",
    "resume",
    "retry_failures",
    "run_chunk",
    "seconds_until",
    "stop",
]

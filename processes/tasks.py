"""What django-q2's workers run for us."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db import Error as DatabaseError

from processes import pruning, worker
from processes.idempotency import forget_old_requests

logger = logging.getLogger(__name__)

PAUSE_AFTER_ERROR_SECONDS = 1.0
ANSWERS_ARE_KEPT = timedelta(days=1)
PRUNING_SECONDS = 200.0
"""Less than a task may take; what is left then goes the next night."""


def work() -> None:
    """Deliver commands and handle replies; given out by ``processes.broker`` when some are due.

    Errors end here: django-q2 would write each one to its table of failed tasks, and what could
    not be done is still due, so that the next worker would run into the same one at once.
    """
    try:
        worker.work()
    except DatabaseError as error:
        logger.warning("The database failed; what is due waits for it: %s", error)
        time.sleep(PAUSE_AFTER_ERROR_SECONDS)
    except Exception:
        logger.exception("Work failed; what is due is tried again")
        time.sleep(PAUSE_AFTER_ERROR_SECONDS)


def prune_old() -> None:
    """Every night: forgets the answers to REST requests that nobody repeats any more, and removes
    what ended longer ago than ``COMMANDBUS_KEEP_DAYS``; unset, nothing."""
    forget_old_requests(pruning.retention(ANSWERS_ARE_KEPT).before)
    if settings.COMMANDBUS_KEEP_DAYS is None:
        return
    old = pruning.retention(timedelta(days=settings.COMMANDBUS_KEEP_DAYS))
    *_, removed = pruning.prune(old, PRUNING_SECONDS)
    logger.info("Pruned: %s", ", ".join(f"{number} {name}" for name, number in removed.items()))

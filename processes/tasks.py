"""What django-q2's workers run for us."""

import logging
import time

from django.db import Error as DatabaseError

from processes import worker

logger = logging.getLogger(__name__)

PAUSE_AFTER_ERROR_SECONDS = 1.0


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

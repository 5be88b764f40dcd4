"""A savepoint for each transactional handler, taken only when it first touches the database."""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from django.db import connection, transaction

logger = logging.getLogger(__name__)

# The rollback gives the constraints their own moments back, for the handlers that follow.
CHECK_CONSTRAINTS = """
SAVEPOINT bus_check; SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO SAVEPOINT bus_check; RELEASE SAVEPOINT bus_check
"""
_INTERFERENCE = ("40001", "40P01")  # serialization failure, deadlock


class LazySavepoint:
    """What the block writes is kept if it ends well and undone if it raises.

    ``touched``: it used the database.  ``disturbed_by``: it failed by no fault of its own, but
    through this deadlock or lost connection, so that the whole transaction has to run again.
    Must be entered inside ``transaction.atomic()``.
    """

    def __init__(self) -> None:
        self.touched = False
        self.disturbed_by: BaseException | None = None
        self._atomic = transaction.atomic()
        self._hooks_before = 0

    def __enter__(self) -> Self:
        self._hooks_before = len(connection.run_on_commit)
        # Every way to the database, COPY included, begins with one of these two.
        for name in ("cursor", "chunked_cursor"):
            setattr(connection, name, self._touching(getattr(connection, name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del connection.cursor, connection.chunked_cursor
        if error is not None:
            self._undo(error)
        elif self.touched:
            self._keep()
        self._calm_commit_hooks()

    def _touching(self, open_cursor: Callable[[], Any]) -> Callable[[], Any]:
        def open_cursor_in_savepoint() -> Any:
            if not self.touched:
                self.touched = True
                self._atomic.__enter__()
            return open_cursor()

        return open_cursor_in_savepoint

    def _keep(self) -> None:
        """Check deferred constraints now, so that a violation is this handler's own error."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(CHECK_CONSTRAINTS)
        except BaseException as error:
            self._undo(error)
            raise
        self._atomic.__exit__(None, None, None)

    def _undo(self, error: BaseException) -> None:
        if _is_interference(error):
            self.disturbed_by = error
        del connection.run_on_commit[self._hooks_before :]
        if self.touched:
            self._atomic.__exit__(type(error), error, error.__traceback__)

    def _calm_commit_hooks(self) -> None:
        """A failing on_commit hook is logged; it must not look like a failed commit."""
        hooks: list[Any] = connection.run_on_commit
        hooks[self._hooks_before :] = [
            (savepoints, _calmed(hook), True) for savepoints, hook, _ in hooks[self._hooks_before :]
        ]


def _calmed(hook: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            hook()
        except KeyboardInterrupt:
            raise
        except BaseException:
            logger.exception("An on_commit hook of a handler failed; its work stands")

    return run


def _is_interference(error: BaseException) -> bool:
    raw = connection.connection
    if raw is None or raw.closed:
        return True
    return getattr(error.__cause__, "sqlstate", None) in _INTERFERENCE

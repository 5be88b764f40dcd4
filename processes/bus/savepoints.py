"""A savepoint for each transactional handler, taken only when it first touches the database."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from django.db import connection, transaction

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
        self._watch = connection.execute_wrapper(self._before_execute)
        self._hooks_before = 0

    def __enter__(self) -> Self:
        self._hooks_before = len(connection.run_on_commit)
        self._watch.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.__exit__(None, None, None)
        if error is not None:
            self._undo(error)
        elif self.touched:
            self._keep()
        self._calm_commit_hooks()

    def _before_execute(self, execute: Callable[..., Any], statement: str, *arguments: Any) -> Any:
        if not self.touched:
            self.touched = True
            self._atomic.__enter__()
            self._defer_constraints()
        return execute(statement, *arguments)

    def _keep(self) -> None:
        """Check deferred constraints now, so that a violation is this handler's own error."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
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

    def _defer_constraints(self) -> None:
        """Undo what the handler before this one left behind: constraints checked at once."""
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    def _calm_commit_hooks(self) -> None:
        """A failing on_commit hook is logged; it must not look like a failed commit."""
        hooks: list[Any] = connection.run_on_commit
        hooks[self._hooks_before :] = [
            (savepoints, hook, True) for savepoints, hook, _ in hooks[self._hooks_before :]
        ]


def _is_interference(error: BaseException) -> bool:
    raw = connection.connection
    if raw is None or raw.closed:
        return True
    return getattr(error.__cause__, "sqlstate", None) in _INTERFERENCE

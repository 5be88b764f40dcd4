"""What a handler does in a test, said in one word."""

from collections.abc import Callable
from typing import Any

from processes.bus.errors import BusinessRuleError, PermanentCommandError, TransientCommandError
from processes.bus.handlers import CommandMessage

Behaviour = Callable[[CommandMessage], Any]


def succeed(result: Any = None) -> Behaviour:
    """Return ``result``."""
    return lambda _: result


def transient(code: str = "BUSY", message: str = "try later", details: Any = None) -> Behaviour:
    return _raising(lambda: TransientCommandError(code, message, details))


def permanent(code: str = "BROKEN", message: str = "no way", details: Any = None) -> Behaviour:
    return _raising(lambda: PermanentCommandError(code, message, details))


def business(code: str = "REFUSED", message: str = "not allowed", details: Any = None) -> Behaviour:
    return _raising(lambda: BusinessRuleError(code, message, details))


def raising(error: BaseException) -> Behaviour:
    """Raise this very error."""
    return _raising(lambda: error)


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first delivery does the first, and so on; the last one repeats."""
    left = list(behaviours)

    def act(message: CommandMessage) -> Any:
        behaviour = left.pop(0) if len(left) > 1 else left[0]
        return behaviour(message)

    return act


def _raising(make: Callable[[], BaseException]) -> Behaviour:
    def act(message: CommandMessage) -> Any:
        raise make()

    return act

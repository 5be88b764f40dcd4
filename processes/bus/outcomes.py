"""What can come of one delivery of a command, before anything is decided about it."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from processes.bus.errors import BusinessRuleError, HandlerError, PermanentCommandError
from processes.bus.fitness import (
    MAX_CODE,
    MAX_MESSAGE,
    MAX_TRACEBACK,
    UnfitJson,
    fit_details,
    fit_text,
    json_object_text,
)

INVALID_RESULT = "INVALID_RESULT"
NO_HANDLER = "NO_HANDLER"
LEASE_EXPIRED = "LEASE_EXPIRED"


class Severity(Enum):
    TRANSIENT = "transient"  # may succeed when tried again
    PERMANENT = "permanent"  # needs a person
    BUSINESS = "business"  # the business says no


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The handler returned; ``result`` is a JSON object as text, or None."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, or returned what cannot be kept; every text is fit to be stored."""

    severity: Severity
    code: str
    message: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unrun:
    """The worker hands the command back; ``why`` is for the event log."""

    why: str


@dataclass(frozen=True, slots=True)
class NoHandler:
    """This worker's code has no handler for the command's type."""


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """The lease ended without an outcome; of a local command on every attempt, the last alone."""


Outcome = Succeeded | Failed | Unrun | NoHandler | LeaseLost


def outcome_of(run: Callable[[], str | None]) -> Succeeded | Failed:
    """Run a handler and say how it went, whatever it raises; only an interruption passes."""
    try:
        return Succeeded(run())
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return failure_of(error)


def result_text(result: Any) -> str | None:
    """A handler's result as JSON text; raises PermanentCommandError if it cannot be kept."""
    if result is None:
        return None
    try:
        return json_object_text(result)
    except UnfitJson as error:
        message = f"The handler's result cannot be kept: {error}."
        raise PermanentCommandError(INVALID_RESULT, message) from None


def failure_of(error: BaseException) -> Failed:
    """What an exception from a handler means."""
    details = {"traceback": _traceback_of(error)}
    name = fit_text(type(error).__name__, MAX_CODE)
    if not isinstance(error, HandlerError):
        return Failed(Severity.TRANSIENT, name, fit_text(error) or name, details)
    # A subclass may have forgotten to call its parent's __init__.
    code = fit_text(getattr(error, "code", ""), MAX_CODE) or name
    message = fit_text(getattr(error, "message", ""), MAX_MESSAGE) or code
    given = getattr(error, "details", None)
    if given is not None:
        details["details"] = fit_details(dict(given) if isinstance(given, Mapping) else given)
    return Failed(_severity_of(error), code, message, details)


def _severity_of(error: HandlerError) -> Severity:
    if isinstance(error, PermanentCommandError):
        return Severity.PERMANENT
    if isinstance(error, BusinessRuleError):
        return Severity.BUSINESS
    return Severity.TRANSIENT


def _traceback_of(error: BaseException) -> str:
    """The traceback's end is what tells most, so a long one loses its beginning."""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:
        text = f"<traceback of {type(error).__name__} could not be formatted>"
    return fit_text(text[-MAX_TRACEBACK:], MAX_TRACEBACK)

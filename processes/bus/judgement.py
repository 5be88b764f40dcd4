"""Decide first: what an outcome means for its command.  Pure; only ``settlement`` touches rows."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, assert_never

from processes.bus.outcomes import (
    LEASE_EXPIRED,
    NO_HANDLER,
    Failed,
    LeaseLost,
    NoHandler,
    Outcome,
    Severity,
    Succeeded,
    Unrun,
)
from processes.bus.states import EventType, ReplyOutcome

NO_HANDLER_RECHECK_SECONDS = 60.0
_JITTER = 0.1

_VARIABLE_PARTS = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|0x[0-9a-f]+|\d+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and how patiently a command is tried; ``backoff`` in seconds, the last repeats.

    ``waited_for_code`` is how long, in seconds, no handler has been there for the command, and
    ``patience_for_code`` how long that may last.
    """

    max_attempts: int
    backoff: tuple[float, ...]
    waited_for_code: float = 0.0
    patience_for_code: float = 0.0

    def wait_after(self, failed_attempt: int, jitter: float) -> float:
        """Seconds to wait after the n-th failed attempt; ``jitter`` from 0 to 1 spreads them."""
        wait = self.backoff[min(failed_attempt, len(self.backoff)) - 1]
        return wait * (1 - _JITTER + 2 * _JITTER * jitter)


@dataclass(frozen=True, slots=True)
class Decision:
    """One transition of a command and what goes with it.

    ``delay`` (seconds) is when a PENDING command is due; ``reply`` what its sender is told, if
    anything; ``error`` (code, message) becomes the command's last error; ``details`` go to the
    event log.  ``counted``: the delivery was an attempt.
    """

    transition: str
    event: EventType
    reply: ReplyOutcome | None = None
    result: str | None = None
    delay: float = 0.0
    error: tuple[str, str] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    handler_missing: bool = False
    counted: bool = True

    def log_entry(self) -> str | None:
        """The event's details as JSON text: the error first, then what else is known."""
        entry = dict(self.details)
        if self.error:
            entry = {"error_code": self.error[0], "error_message": self.error[1]} | entry
        return json.dumps(entry) if entry else None


def judge(outcome: Outcome, attempt: int, policy: Policy, jitter: float = 0.5) -> Decision:
    """What to do with a command whose ``attempt``-th attempt ended with ``outcome``."""
    match outcome:
        case Succeeded(result):
            return Decision("succeed", EventType.COMPLETED, ReplyOutcome.SUCCESS, result=result)
        case Unrun(why):
            return Decision("release", EventType.RELEASED, details={"why": why}, counted=False)
        case NoHandler():
            return _without_handler(policy)
        case LeaseLost():
            return _after_lost_lease(attempt, policy)
        case Failed():
            return _after_failure(outcome, attempt, policy, jitter)
        case _:
            assert_never(outcome)


def fingerprint(domain: str, command_type: str, code: str, message: str) -> str:
    """The same for errors that differ only in numbers and ids: 32 hexadecimal digits."""
    alike = _VARIABLE_PARTS.sub("#", message)
    text = f"{domain}\n{command_type}\n{code}\n{alike}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _after_failure(failure: Failed, attempt: int, policy: Policy, jitter: float) -> Decision:
    error = (failure.code, failure.message)
    details = {"attempt": attempt} | failure.details
    if failure.severity is Severity.BUSINESS:
        return Decision(
            "reject", EventType.FAILED, ReplyOutcome.FAILED, error=error, details=details
        )
    if failure.severity is Severity.PERMANENT or attempt >= policy.max_attempts:
        return _park(error, details)
    wait = policy.wait_after(attempt, jitter)
    return Decision(
        "schedule_retry",
        EventType.RETRY_SCHEDULED,
        delay=wait,
        error=error,
        details=details | {"retry_in_seconds": round(wait, 3)},
    )


def _after_lost_lease(attempt: int, policy: Policy) -> Decision:
    """It has cost a whole lease, so it is tried again at once, without a wait."""
    details = {"attempt": attempt}
    if attempt >= policy.max_attempts:
        message = (
            "Whoever executed it died or overran the lease on every attempt; "
            "it may crash what executes it or need a longer lease."
        )
        return _park((LEASE_EXPIRED, message), details)
    return Decision(
        "schedule_retry",
        EventType.RETRY_SCHEDULED,
        error=(LEASE_EXPIRED, "Whoever executed it died or overran the lease; it is due again."),
        details=details,
    )


def _without_handler(policy: Policy) -> Decision:
    if policy.waited_for_code >= policy.patience_for_code:
        message = (
            f"No worker had a handler for this command type for {policy.waited_for_code:.0f} s. "
            "Deploy the code that handles it, then retry."
        )
        return _park((NO_HANDLER, message), {}, counted=False)
    return Decision(
        "release",
        EventType.RELEASED,
        delay=NO_HANDLER_RECHECK_SECONDS,
        details={"why": "no handler for this command type here"},
        handler_missing=True,
        counted=False,
    )


def _park(error: tuple[str, str], details: dict[str, Any], counted: bool = True) -> Decision:
    return Decision(
        "park",
        EventType.PARKED,
        ReplyOutcome.PARKED,
        error=error,
        details=details,
        counted=counted,
    )

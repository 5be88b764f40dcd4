"""Every error the command bus raises on purpose, and the three a handler may raise.

None knows of HTTP: a surface maps ``code`` to what its users expect.
"""

from collections.abc import Mapping
from typing import Any


class CommandBusError(Exception):
    """Base of all errors shown to callers: a stable ``code`` and a message people understand."""

    code = "COMMAND_BUS_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidCommandData(CommandBusError):
    """A command cannot be sent as given; the message names the field and the remedy."""

    code = "INVALID_COMMAND_DATA"


class InvalidProcessData(CommandBusError):
    """A process cannot be started with this data."""

    code = "INVALID_PROCESS_DATA"


class InvalidResult(CommandBusError):
    """Result data from outside is not a JSON object that PostgreSQL can hold."""

    code = "INVALID_RESULT"


class UnknownProcessType(CommandBusError):
    """No process manager is registered for the type."""

    code = "UNKNOWN_PROCESS_TYPE"


class UnknownStep(CommandBusError):
    """The process has gone through a step that this code does not know."""

    code = "UNKNOWN_STEP"


class DuplicateCommand(CommandBusError):
    """The command id is taken by a command with other content."""

    code = "DUPLICATE_COMMAND"


class DuplicateProcess(CommandBusError):
    """The process id is taken by a process of another type or with other data."""

    code = "DUPLICATE_PROCESS"


class DuplicateRegistration(CommandBusError):
    """Two handlers or two process managers claim the same name; raised at start-up."""

    code = "DUPLICATE_REGISTRATION"


class NotExternal(CommandBusError):
    """The command type is not declared to be executed externally."""

    code = "NOT_EXTERNAL"


class ReasonRequired(CommandBusError):
    """The action changes the fate of a process for good and needs a reason."""

    code = "REASON_REQUIRED"


class NotFound(CommandBusError):
    """There is no such command, process or reply."""

    code = "NOT_FOUND"


class MovedOn(CommandBusError):
    """What the operator wanted to act on is no longer in the state they saw.

    ``state`` is the current state; ``actor``, ``action`` and ``at`` tell who brought it there,
    how and when (empty or None where nobody did).
    """

    code = "MOVED_ON"

    def __init__(
        self, message: str, *, state: str, actor: str = "", action: str = "", at: Any = None
    ) -> None:
        super().__init__(message)
        self.state = state
        self.actor = actor
        self.action = action
        self.at = at


class NotParked(MovedOn):
    """The command is not in the TSQ, or was parked anew since the operator looked."""

    code = "NOT_PARKED"


class NotFailed(MovedOn):
    """Only a FAILED process can be compensated on request."""

    code = "NOT_FAILED"


class NotStuck(MovedOn):
    """The reply is not stuck (any more)."""

    code = "NOT_STUCK"


class ClaimLost(MovedOn):
    """The claim no longer holds: its lease has ended and others went on, or it is settled."""

    code = "CLAIM_LOST"


class HandlerError(Exception):
    """What a handler raises to say how it failed.

    ``code`` is stable and groups alike errors, ``message`` is for people, ``details`` is JSON
    kept in the command's event log.
    """

    def __init__(self, code: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


class TransientCommandError(HandlerError):
    """May succeed later: retried after the backoff, then parked."""


class PermanentCommandError(HandlerError):
    """Cannot succeed without a person: parked at once."""


class BusinessRuleError(HandlerError):
    """The business says no: the command FAILED, and so does its process."""

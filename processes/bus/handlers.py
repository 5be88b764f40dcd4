"""Which function handles which command: ``@command_handler`` registers, ``find_handler`` finds."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from processes.bus import conf
from processes.bus.errors import DuplicateRegistration

Lane = tuple[str, str]  # (domain, command type)


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """What a handler gets: one delivery of a command.

    ``attempt`` counts from 1 and starts anew when an operator retries the command.
    """

    command_id: uuid.UUID
    command_type: str
    domain: str
    data: dict[str, Any]
    correlation_id: uuid.UUID | None
    attempt: int


HandlerFunction = Callable[[CommandMessage], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Handler:
    """A registered handler and how its commands are delivered.

    None stands for the setting of the same name.  ``lease`` is in seconds: the time one
    delivery has before another worker may take the command.  ``editable``: an operator may mend
    the data of a parked command.  ``result_fields``: what an operator who completes the command
    is asked for, name by name.
    """

    function: HandlerFunction
    command_type: str
    domain: str
    transactional: bool = True
    max_attempts: int | None = None
    backoff: tuple[float, ...] | None = None
    lease: float | None = None
    editable: bool = False
    result_fields: tuple[str, ...] = ()

    @property
    def lane(self) -> Lane:
        return self.domain, self.command_type

    def lease_seconds(self) -> float:
        return conf.lease_seconds() if self.lease is None else float(self.lease)

    def backoff_seconds(self) -> tuple[float, ...]:
        return conf.backoff_seconds() if self.backoff is None else self.backoff


_handlers: dict[Lane, Handler] = {}


def command_handler(
    command_type: str,
    *,
    domain: str,
    max_attempts: int | None = None,
    backoff: tuple[float, ...] | None = None,
    lease: float | None = None,
    transactional: bool = True,
    editable: bool = False,
    result_fields: tuple[str, ...] = (),
) -> Callable[[HandlerFunction], HandlerFunction]:
    """Register the decorated function for ``command_type`` in ``domain``.

    ``transactional=True`` (the default): runs inside the transaction that settles its outcome,
    so its database effects happen exactly once.  ``False``: for slow outside calls; runs in a
    thread, outside any transaction, at least once.  The other options are those of ``Handler``.

    Raises DuplicateRegistration when the type is taken, ValueError on a senseless option.
    """
    _check_options(command_type, max_attempts, backoff, lease)

    def register(function: HandlerFunction) -> HandlerFunction:
        handler = Handler(
            function,
            command_type,
            domain,
            transactional,
            max_attempts,
            backoff,
            lease,
            editable,
            result_fields,
        )
        taken = _handlers.setdefault(handler.lane, handler)
        if taken is not handler:
            raise DuplicateRegistration(
                f"Command type {command_type!r} of domain {domain!r} is already handled by "
                f"{_name(taken.function)}; {_name(function)} cannot handle it too."
            )
        return function

    return register


def find_handler(domain: str, command_type: str) -> Handler | None:
    return _handlers.get((domain, command_type))


def registered_handlers() -> list[Handler]:
    return list(_handlers.values())


def unregister_handler(domain: str, command_type: str) -> None:
    """Forget a handler; for tests that register their own."""
    _handlers.pop((domain, command_type), None)


def _check_options(
    command_type: str,
    max_attempts: int | None,
    backoff: tuple[float, ...] | None,
    lease: float | None,
) -> None:
    if max_attempts is not None and max_attempts < 1:
        raise ValueError(f"{command_type}: max_attempts must be at least 1, not {max_attempts}")
    if backoff is not None and (not backoff or min(backoff) < 0):
        raise ValueError(f"{command_type}: backoff needs one or more waits of 0 s or longer")
    if lease is not None and lease <= 0:
        raise ValueError(f"{command_type}: lease must be longer than 0 s, not {lease}")


def _name(function: HandlerFunction) -> str:
    return f"{function.__module__}.{function.__qualname__}"

"""Who handles which command: a function here (``@command_handler``) or a service elsewhere.

``external_command`` declares the latter; ``find_handler`` finds either.
"""

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

    One without a function stands for a service that claims them from outside.

    None stands for the setting of the same name.  ``lease`` is in seconds: the time one
    delivery has before another worker may take the command.  ``editable``: an operator may mend
    the data of a parked command.  ``result_fields``: what an operator who completes the command
    is asked for, name by name.
    """

    function: HandlerFunction | None
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

    @property
    def is_external(self) -> bool:
        return self.function is None

    def run(self, message: CommandMessage) -> dict[str, Any] | None:
        assert self.function is not None, f"{self.command_type} is executed externally"
        return self.function(message)

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
        _register(handler)
        return function

    return register


def external_command(
    command_type: str,
    *,
    domain: str,
    max_attempts: int | None = None,
    backoff: tuple[float, ...] | None = None,
    lease: float | None = None,
    editable: bool = False,
    result_fields: tuple[str, ...] = (),
) -> None:
    """Declare that ``command_type`` of ``domain`` is executed by a service from outside.

    Workers never run it; the service claims it (see ``external``).  The options are those of
    ``Handler``.  Raises DuplicateRegistration when the type is taken, ValueError on a senseless
    option.
    """
    _check_options(command_type, max_attempts, backoff, lease)
    _register(
        Handler(
            None,
            command_type,
            domain,
            transactional=False,
            max_attempts=max_attempts,
            backoff=backoff,
            lease=lease,
            editable=editable,
            result_fields=result_fields,
        )
    )


def find_handler(domain: str, command_type: str) -> Handler | None:
    return _handlers.get((domain, command_type))


def registered_handlers() -> list[Handler]:
    return list(_handlers.values())


def local_handlers() -> list[Handler]:
    """Those whose commands workers run."""
    return [handler for handler in _handlers.values() if not handler.is_external]


def external_lanes() -> list[Lane]:
    return [handler.lane for handler in _handlers.values() if handler.is_external]


def unregister_handler(domain: str, command_type: str) -> None:
    """Forget a handler; for tests that register their own."""
    _handlers.pop((domain, command_type), None)


def _register(handler: Handler) -> None:
    taken = _handlers.setdefault(handler.lane, handler)
    if taken is not handler:
        raise DuplicateRegistration(
            f"Command type {handler.command_type!r} of domain {handler.domain!r} is already "
            f"handled by {_name(taken.function)}; {_name(handler.function)} cannot handle it too."
        )


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


def _name(function: HandlerFunction | None) -> str:
    if function is None:
        return "external services"
    return f"{function.__module__}.{function.__qualname__}"

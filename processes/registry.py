"""Which process managers there are, and loading the packages that define them."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings

from processes.bus.errors import DuplicateRegistration, UnknownProcessType

if TYPE_CHECKING:
    from processes.base import ProcessManager

M = TypeVar("M", bound="type[ProcessManager[Any, Any]]")

_managers: dict[str, "ProcessManager[Any, Any]"] = {}


def register_process(manager: M) -> M:
    """Class decorator: make a process manager known under its ``process_type``.

    Raises DuplicateRegistration when the type is taken.
    """
    taken = _managers.get(manager.process_type)
    if taken is not None:
        raise DuplicateRegistration(
            f"Process type {manager.process_type!r} is already managed by "
            f"{type(taken).__qualname__}; {manager.__qualname__} cannot manage it too."
        )
    _managers[manager.process_type] = manager()
    return manager


def find_manager(process_type: str) -> "ProcessManager[Any, Any] | None":
    return _managers.get(process_type)


def manager_of(process_type: str) -> "ProcessManager[Any, Any]":
    """The manager of this type; raises UnknownProcessType, naming those there are."""
    manager = _managers.get(process_type)
    if manager is None:
        known = ", ".join(sorted(_managers)) or "none"
        raise UnknownProcessType(f"Unknown process type {process_type!r}; known are: {known}.")
    return manager


def known_process_types() -> list[str]:
    return list(_managers)


def unregister_process(process_type: str) -> None:
    """Forget a manager; for tests that register their own."""
    _managers.pop(process_type, None)


def load_definitions() -> None:
    """Import the ``manager`` and ``handlers`` modules of every configured definition."""
    for package in settings.COMMANDBUS_DEFINITIONS:
        for module in ("manager", "handlers"):
            if find_spec(f"{package}.{module}"):
                import_module(f"{package}.{module}")

"""Fixtures of every test: the clock, registration for the time of a test, and a process."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from processes.bus.handlers import (
    HandlerFunction,
    command_handler,
    external_command,
    unregister_handler,
)
from processes.registry import register_process, unregister_process
from tests.support.clock import DatabaseClock
from tests.support.flushing import delete_instead_of_truncating
from tests.support.leftovers import forget_worker_state
from tests.support.live import serving
from tests.support.three_steps import DOMAIN, Story, ThreeStep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Here, for what runs the tests side by side reads no conftest of a folder below."""
    if not shutil.which("chromium"):
        terminalreporter.write_line("Skipped the browser tests: there is no chromium here.")


@pytest.fixture(autouse=True, scope="session")
def quick_flush() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        delete_instead_of_truncating(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def fresh_worker() -> Iterator[None]:
    """No test sees what another one's worker measured or still runs."""
    forget_worker_state()
    yield
    forget_worker_state()


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[str]:
    """The address of a live server; tests that ask it see only what they committed."""
    with serving() as address:
        yield address


@pytest.fixture
def clock(db: None) -> Iterator[DatabaseClock]:
    """``clock.advance(seconds)`` moves the database's clock for the time of the test."""
    with DatabaseClock() as clock:
        yield clock


@pytest.fixture
def register_handler() -> Iterator[Callable[..., HandlerFunction]]:
    """``register_handler("Type", function, **options)``: known for the time of the test."""
    registered: list[tuple[str, str]] = []

    def register(
        command_type: str, function: HandlerFunction, *, domain: str = DOMAIN, **options: Any
    ) -> HandlerFunction:
        command_handler(command_type, domain=domain, **options)(function)
        registered.append((domain, command_type))
        return function

    yield register
    for lane in registered:
        unregister_handler(*lane)


@pytest.fixture
def register_external() -> Iterator[Callable[..., None]]:
    """``register_external("Type", **options)``: executed externally for the time of the test."""
    registered: list[tuple[str, str]] = []

    def register(command_type: str, *, domain: str = DOMAIN, **options: Any) -> None:
        external_command(command_type, domain=domain, **options)
        registered.append((domain, command_type))

    yield register
    for lane in registered:
        unregister_handler(*lane)


@pytest.fixture
def register_manager() -> Iterator[Callable[[type], type]]:
    """``register_manager(ManagerClass)``: known for the time of the test."""
    registered: list[type] = []

    def register(manager: type) -> type:
        register_process(manager)
        registered.append(manager)
        return manager

    yield register
    for manager in registered:
        unregister_process(manager.process_type)


@pytest.fixture
def story(register_manager, register_handler) -> Story:
    """The process ``ThreeSteps`` with its handlers; see ``tests.support.three_steps``."""
    story = Story()
    register_manager(story.manager)
    for step in ThreeStep:
        register_handler(step.value, story.handler_of(step.value))
    return story

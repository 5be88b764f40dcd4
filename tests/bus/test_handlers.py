"""Registering handlers: found by domain and type, one each, sensible options only."""

import pytest

from processes.bus.errors import DuplicateRegistration
from processes.bus.handlers import command_handler, find_handler
from tests.support.behaviours import succeed


def test_a_handler_is_found_by_its_domain_and_type(register_handler):
    function = register_handler("Test", succeed())

    assert find_handler("test", "Test").function is function
    assert find_handler("other", "Test") is None
    assert find_handler("test", "Other") is None


def test_what_it_leaves_open_is_the_settings(register_handler, settings):
    settings.COMMANDBUS = {
        **settings.COMMANDBUS,
        "LEASE_SECONDS": 7.0,
        "BACKOFF_SECONDS": [1.0, 2.0],
    }
    register_handler("Open", succeed())
    register_handler("Own", succeed(), lease=3.0, backoff=(5.0,))

    plain, own = find_handler("test", "Open"), find_handler("test", "Own")
    assert (plain.lease_seconds(), plain.backoff_seconds()) == (7.0, (1.0, 2.0))
    assert (own.lease_seconds(), own.backoff_seconds()) == (3.0, (5.0,))
    assert plain.transactional


def test_a_second_handler_of_a_type_is_refused_naming_both(register_handler):
    first = register_handler("Test", succeed())

    with pytest.raises(
        DuplicateRegistration, match=r"'Test' of domain 'test'.*behaviours\.succeed"
    ):
        command_handler("Test", domain="test")(succeed())

    assert find_handler("test", "Test").function is first


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": 0},
        {"max_attempts": -1},
        {"backoff": ()},
        {"backoff": (1.0, -1.0)},
        {"lease": 0},
        {"lease": -5},
    ],
)
def test_senseless_options_are_refused_when_registering(options):
    with pytest.raises(ValueError, match=f"Test: {next(iter(options))}"):
        command_handler("Test", domain="test", **options)

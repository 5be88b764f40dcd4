from dataclasses import replace
from typing import Any

import pytest

from processes.bus.errors import (
    BusinessRuleError,
    PermanentCommandError,
    TransientCommandError,
)
from processes.bus.handlers import CommandMessage
from processes.definitions.statement_report.chaos import (
    chaos_of_step,
    injected_failure,
    read_chaos,
    with_chaos,
)
from processes.definitions.statement_report.models import EndedOutage
from tests.statement_report.factories import message

STEPS = ("QUERY", "RENDER")


@with_chaos
def work(message: CommandMessage) -> dict[str, Any]:
    return {"done": True}


def failures(chaos: dict[str, Any], attempt: int = 1) -> list[str | None]:
    """What a thousand accounts meet."""
    return [
        injected_failure(replace(message(account_id=account, chaos=chaos), attempt=attempt))
        for account in range(1, 1001)
    ]


def test_without_chaos_nothing_fails() -> None:
    assert work(message()) == {"done": True}


def test_the_same_seed_gives_the_same_failures() -> None:
    chaos = {"seed": 7, "transient": 20, "permanent": 10, "business": 5}

    assert failures(chaos) == failures(chaos)
    assert failures(chaos) != failures({**chaos, "seed": 8})


def test_about_as_many_fail_as_asked_for() -> None:
    met = failures({"seed": 7, "transient": 20, "permanent": 10, "business": 5})

    assert 30 <= met.count("business") <= 70
    assert 70 <= met.count("permanent") <= 130
    assert 130 <= met.count("transient") <= 210  # a fifth of what is left


def test_a_transient_failure_may_be_gone_at_the_next_attempt() -> None:
    chaos = {"seed": 7, "transient": 50}

    assert failures(chaos, attempt=1) != failures(chaos, attempt=2)


def test_a_permanent_failure_stays_at_every_attempt() -> None:
    chaos = {"seed": 7, "permanent": 50}

    assert failures(chaos, attempt=1) == failures(chaos, attempt=2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("transient", TransientCommandError),
        ("permanent", PermanentCommandError),
        ("business", BusinessRuleError),
    ],
)
def test_a_failure_is_raised_as_the_error_of_its_kind(failure: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"CHAOS_{failure.upper()}"):
        work(message(chaos={"seed": 7, "outage": "", failure: 100}))


@pytest.mark.django_db
def test_failures_stop_when_their_outage_has_ended() -> None:
    broken = message(chaos={"seed": 7, "outage": "disk", "transient": 100})
    with pytest.raises(TransientCommandError):
        work(broken)

    EndedOutage.objects.create(name="disk")

    assert work(broken) == {"done": True}


@pytest.mark.django_db
def test_the_end_of_another_outage_changes_nothing() -> None:
    EndedOutage.objects.create(name="disk")

    with pytest.raises(TransientCommandError):
        work(message(chaos={"seed": 7, "outage": "mail", "transient": 100}))


def test_a_command_carries_only_the_chaos_of_its_step() -> None:
    chaos = read_chaos({"seed": 7, "outage": "disk", "RENDER": {"transient": 20}}, STEPS)

    assert chaos_of_step(chaos, "RENDER") == {"seed": 7, "outage": "disk", "transient": 20}
    assert chaos_of_step(chaos, "QUERY") == {}


def test_chaos_is_off_when_not_asked_for() -> None:
    assert read_chaos(None, STEPS) == {}


@pytest.mark.parametrize(
    ("chaos", "problem"),
    [
        ("yes", "chaos must be an object"),
        ({}, "chaos.seed must be a whole number"),
        ({"seed": True}, "chaos.seed must be a whole number"),
        ({"seed": 7, "outage": 3}, "chaos.outage must be text"),
        ({"seed": 7, "PRINT": {}}, "unknown chaos field 'PRINT': use seed, outage, QUERY, RENDER"),
        ({"seed": 7, "RENDER": 20}, "chaos.RENDER must be an object of percentages"),
        ({"seed": 7, "RENDER": {"often": 20}}, "unknown failure in chaos.RENDER 'often'"),
        ({"seed": 7, "RENDER": {"transient": 101}}, "chaos.RENDER.transient must be a percentage"),
        ({"seed": 7, "RENDER": {"transient": -1}}, "chaos.RENDER.transient must be a percentage"),
        ({"seed": 7, "RENDER": {"transient": "5"}}, "chaos.RENDER.transient must be a percent"),
        ({"seed": 7, "RENDER": {"transient": True}}, "chaos.RENDER.transient must be a percent"),
    ],
)
def test_wrong_chaos_is_refused_by_name(chaos: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_chaos(chaos, STEPS)

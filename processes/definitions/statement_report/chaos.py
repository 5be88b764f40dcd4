"""Failures on request, so that demos and tests can show every path.  Off unless asked for.

A process started with, say,

    "chaos": {"seed": 7, "RENDER": {"transient": 20, "permanent": 5}, "NOTIFY": {"business": 1}}

has its RENDER fail in 20 of 100 attempts, park at once in 5 of 100 accounts, and so on.  The dice
know only the seed, the account, the command type and, for transient failures, the attempt: the
same failures every time.  With ``"outage": "some name"`` they stop as soon as an ``EndedOutage``
of that name exists, so that an operator's retry can succeed.
"""

import random
from collections.abc import Collection, Mapping
from functools import wraps
from typing import Any

from processes.bus.errors import (
    BusinessRuleError,
    HandlerError,
    PermanentCommandError,
    TransientCommandError,
)
from processes.bus.handlers import CommandMessage, HandlerFunction
from processes.definitions.statement_report.models import EndedOutage
from processes.definitions.statement_report.request import refuse_unknown

FAILURES: dict[str, type[HandlerError]] = {
    "transient": TransientCommandError,
    "permanent": PermanentCommandError,
    "business": BusinessRuleError,
}


def with_chaos(handler: HandlerFunction) -> HandlerFunction:
    """Let the handler fail instead of doing its work when the command's chaos says so."""

    @wraps(handler)
    def run(message: CommandMessage) -> dict[str, Any] | None:
        failure = injected_failure(message)
        if failure and not _is_over(message.data["chaos"]):
            raise FAILURES[failure](
                f"CHAOS_{failure.upper()}",
                f"Injected failure ({failure}): {message.command_type} was not tried.",
            )
        return handler(message)

    return run


def injected_failure(message: CommandMessage) -> str | None:
    """Which failure the dice give this delivery, if any."""
    chaos = message.data.get("chaos")
    if not chaos:
        return None
    dice = (chaos["seed"], message.data["account_id"], message.command_type)
    roll = _roll(*dice)
    if roll < chaos.get("business", 0):
        return "business"
    if roll < chaos.get("business", 0) + chaos.get("permanent", 0):
        return "permanent"
    if _roll(*dice, message.attempt) < chaos.get("transient", 0):
        return "transient"
    return None


def read_chaos(value: object, steps: Collection[str]) -> dict[str, Any]:
    """The checked option; raises ValueError naming what is wrong."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"chaos must be an object, not {value!r}")
    refuse_unknown("chaos field", value, ("seed", "outage", *steps))
    if isinstance(value.get("seed"), bool) or not isinstance(value.get("seed"), int):
        raise ValueError(f"chaos.seed must be a whole number, not {value.get('seed')!r}")
    if not isinstance(value.get("outage", ""), str):
        raise ValueError(f"chaos.outage must be text, not {value['outage']!r}")
    for step in set(value) & set(steps):
        _check_percentages(step, value[step])
    return dict(value)


def chaos_of_step(chaos: Mapping[str, Any], step: str) -> dict[str, Any]:
    """The part a command carries: empty unless failures are asked for at its step."""
    if step not in chaos:
        return {}
    return {"seed": chaos["seed"], "outage": chaos.get("outage", ""), **chaos[step]}


def _check_percentages(step: str, rates: object) -> None:
    if not isinstance(rates, Mapping):
        raise ValueError(f"chaos.{step} must be an object of percentages, not {rates!r}")
    refuse_unknown(f"failure in chaos.{step}", rates, FAILURES)
    for name, rate in rates.items():
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 100:
            raise ValueError(f"chaos.{step}.{name} must be a percentage 0 to 100, not {rate!r}")


def _roll(*dice: object) -> float:
    """From 0 up to 100, the same for the same dice on every machine."""
    return random.Random("/".join(map(str, dice))).random() * 100


def _is_over(chaos: Mapping[str, Any]) -> bool:
    return EndedOutage.objects.filter(name=chaos["outage"]).exists()

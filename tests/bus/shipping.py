"""A command type that is executed externally, and taking commands of it as a service does."""

import uuid

import pytest

from processes.bus.external import ExternalDelivery, claim_external
from processes.bus.models import Command, CommandEvent, Reply
from tests.support.three_steps import DOMAIN

NOBODY_KNOWS = uuid.UUID(int=404)


@pytest.fixture
def ship(register_external) -> None:
    register_external("Ship", lease=30, backoff=(10,), max_attempts=2)


def take(limit: int = 1, **options) -> list[ExternalDelivery]:
    return claim_external(DOMAIN, ["Ship"], limit=limit, **options)


def take_one() -> ExternalDelivery:
    (delivery,) = take()
    return delivery


def everything() -> list:
    """All that a refused call must leave as it was."""
    rows = [model.objects.order_by("pk").values() for model in (Command, Reply, CommandEvent)]
    return [list(values) for values in rows]

"""Parked commands of two groups, and a look at all that a command could have changed."""

from collections.abc import Callable

import pytest

from processes.bus.models import Command, CommandEvent, Reply
from processes.models import OperatorAction
from tests.factories import CommandFactory
from tsq.models import BulkItem, BulkOperation, EntryClaim, EntryNote

TABLES = (Command, CommandEvent, Reply, OperatorAction, BulkOperation, BulkItem)


@pytest.fixture
def billing(db) -> list[Command]:
    declined = {"last_error_code": "DECLINED", "fingerprint": "d" * 32, "domain": "billing"}
    return [CommandFactory(parked=True, **declined) for _ in range(3)]


@pytest.fixture
def others(billing) -> list[Command]:
    return [CommandFactory(parked=True) for _ in range(2)]


@pytest.fixture
def unchanged(others) -> Callable[[], bool]:
    """Whether all is as it was when the test began."""

    def stored() -> list[list[dict]]:
        tables = (*TABLES, EntryClaim, EntryNote)
        return [list(table.objects.order_by("pk").values()) for table in tables]

    before = stored()
    return lambda: stored() == before

"""Bulk operations over parked commands, run chunk by chunk in the test."""

from collections.abc import Callable, Iterator

import pytest
from django_q.models import OrmQ

from processes.audit import Operator
from processes.bus.models import Command
from processes.states import Channel, OperatorVerb
from tests.factories import CommandFactory
from tests.scenarios.children import Children
from tests.support.console import EVERYTHING, Console
from tsq import bulk
from tsq.models import BulkOperation, TsqEntry


@pytest.fixture
def entries(db) -> list[Command]:
    return park(5)


@pytest.fixture
def started(entries) -> Callable[..., BulkOperation]:
    """``started("retry", rate=2)``: an operation over all entries, confirmed."""

    def start(verb: str = "retry", **confirmed) -> BulkOperation:
        arguments = {"reason": "no use"} if verb == "cancel" else {"note": "disk cleaned"}
        return bulk.confirm(
            draft(verb).pk, operator="ann", **({"arguments": arguments} | confirmed)
        )

    return start


def park(number: int, **more) -> list[Command]:
    return [CommandFactory(parked=True, **more) for _ in range(number)]


def draft(verb: str = "retry", channel: str = Channel.PYTHON) -> BulkOperation:
    by = Operator("ann", channel, "request-1")
    return bulk.choose(OperatorVerb(verb), TsqEntry.objects.order_by("parked_at", "id"), by, {})


def stored(operation: BulkOperation) -> BulkOperation:
    return BulkOperation.objects.get(pk=operation.pk)


def next_chunk(operation: BulkOperation) -> int:
    """Take the turn that is up; how many items were done."""
    return bulk.run_chunk(operation.pk, stored(operation).available_at)


def outcomes(operation: BulkOperation) -> list[tuple[str | None, str]]:
    return list(operation.items.values_list("outcome", "message"))


def queued() -> int:
    return OrmQ.objects.count()


@pytest.fixture(autouse=True)
def plain_http(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def console(db) -> Console:
    """Of ann, who may do everything."""
    return Console(*EVERYTHING)


@pytest.fixture
def children(transactional_db, clock) -> Iterator[Children]:
    """Real processes that work on the test's database."""
    children = Children(clock)
    yield children
    children.kill_all()

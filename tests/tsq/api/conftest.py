from collections.abc import Callable

import pytest
from django.core.cache import cache

from processes.bus.models import Command, CommandEvent, Reply
from processes.models import KeptAnswer, OperatorAction, Process, ProcessStep
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory
from tests.support.service import ENTRIES, Service
from tsq.models import BulkItem, BulkOperation, EntryClaim, EntryNote, TsqEntry

VIEW = "tsq.view_tsqentry"
VERBS = ("retry", "complete", "cancel", "edit", "claim")
EVERYTHING = (
    *(VIEW, "tsq.view_stuckreply", "tsq.view_bulkoperation"),
    *(f"tsq.{verb}_tsqentry" for verb in VERBS),
    *("tsq.handle_again_stuckreply", "tsq.give_up_stuckreply"),
)


@pytest.fixture(autouse=True)
def site(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False
    cache.clear()  # the throttle counts there


@pytest.fixture
def service(db) -> Service:
    """One that may do everything."""
    return Service(*EVERYTHING)


@pytest.fixture
def elsewhere(db) -> Service:
    """The same, limited to another domain."""
    return Service(*EVERYTHING, username="stranger", domain="elsewhere")


def park_alone() -> Command:
    """An entry of no process: quick to make."""
    entry = CommandFactory(parked=True)
    CommandEventFactory(command=entry, type="PARKED")
    return entry


@pytest.fixture
def path(entry: TsqEntry) -> str:
    return f"{ENTRIES}/{entry.pk}"


@pytest.fixture
def unchanged() -> Callable[[], bool]:
    """Whether all is still as it was when the test began; kept answers apart."""
    before = stored()
    return lambda: stored() == before


def stored() -> list[list[dict]]:
    tables = (
        *(Command, CommandEvent, Reply, OperatorAction, Process, ProcessStep),
        *(EntryClaim, EntryNote, BulkOperation, BulkItem),
    )
    return [list(table.objects.order_by("pk").values()) for table in tables]


def status_after_work(process: Process) -> str:
    run_until_idle()
    return Process.objects.get(pk=process.pk).status


def action() -> tuple[str, str, str, str, str]:
    """The only thing an operator did: what, who, through what, under which request, why."""
    row = OperatorAction.objects.get()
    return row.action, row.operator, row.channel, row.request_id, row.reason


def kept_answers() -> int:
    return KeptAnswer.objects.count()

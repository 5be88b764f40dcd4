"""Two workers, each a process of its own, on the same processes: every step runs exactly once."""

from collections import Counter

import pytest

from processes.bus.models import Command, Reply
from processes.engine import start_process, start_processes
from processes.invariants import violations
from processes.models import Process
from processes.states import ProcessStatus
from tests.scenarios.reading import trail_of
from tests.scenarios.trip.mishaps import PERMANENT
from tsq.models import TsqEntry
from tsq.operations import cancel

pytestmark = pytest.mark.django_db(transaction=True)

FORWARD = ["HOTEL", "FLIGHT", "CAR", "BILL"]
UNDO = ["UNDO_CAR", "UNDO_FLIGHT", "UNDO_HOTEL"]


def work_together(children) -> None:
    workers = [children.start_worker("--to-the-end") for _ in range(2)]
    assert [worker.wait(30) for worker in workers] == [0, 0]


def each_ran_once() -> bool:
    deliveries = set(Command.objects.values_list("deliveries", flat=True))
    return deliveries == {1} and not Reply.objects.unhandled().exists()


def test_on_one_process(trip, children, booked):
    process = start_process("Trip", {})
    work_together(children)
    assert trail_of(process) == [(step, "SUCCESS") for step in FORWARD]
    assert booked() == Counter(FORWARD)
    assert each_ran_once()


def test_on_many_processes(trip, children, booked):
    start_processes("Trip", [{}] * 200)
    work_together(children)
    assert set(Process.objects.values_list("status", flat=True)) == {ProcessStatus.COMPLETED}
    assert booked() == Counter(dict.fromkeys(FORWARD, 200))
    assert each_ran_once()
    assert list(violations()) == []


def test_on_many_compensations(trip, children, booked):
    start_processes("Trip", [{"BILL": PERMANENT}] * 40)
    children.work()
    for entry in TsqEntry.objects.all():
        cancel(entry.id, operator="ann", reason="no use")
    work_together(children)
    assert set(Process.objects.values_list("status", flat=True)) == {ProcessStatus.COMPENSATED}
    assert booked() == Counter(dict.fromkeys([*FORWARD[:3], *UNDO], 40))
    assert each_ran_once()
    assert list(violations()) == []

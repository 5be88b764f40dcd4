"""The whole story on a real ``qcluster``: from send over the TSQ to COMPENSATED."""

from collections import Counter

import pytest

from processes.engine import start_process
from processes.invariants import violations
from processes.models import Process
from processes.states import ProcessStatus
from tests.scenarios.reading import entry_of, reload, status_of, trail_of
from tests.scenarios.trip.mishaps import PERMANENT
from tests.support.sessions import wait_until
from tsq.operations import cancel, complete

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 30


@pytest.fixture
def qcluster(trip, children):
    """A running cluster; asked to end afterwards, as an operator would."""
    cluster = children.start("manage.py", "qcluster")
    yield cluster
    cluster.terminate()
    assert cluster.wait(PATIENCE_SECONDS) == 0


def wait_for(process: Process, status: ProcessStatus) -> None:
    wait_until(lambda: status_of(process) == status, PATIENCE_SECONDS)


def test_from_send_to_compensated(qcluster, booked):
    process = start_process("Trip", {"FLIGHT": PERMANENT, "BILL": PERMANENT})

    wait_for(process, ProcessStatus.WAITING_FOR_TSQ)
    assert trail_of(process) == [("HOTEL", "SUCCESS"), ("FLIGHT", None)]
    complete(entry_of(process).id, operator="ann", result_data={"seat": "17A"})

    wait_until(lambda: reload(process).current_step == "BILL", PATIENCE_SECONDS)
    wait_for(process, ProcessStatus.WAITING_FOR_TSQ)
    cancel(entry_of(process).id, operator="ann", reason="the customer has left")

    wait_for(process, ProcessStatus.COMPENSATED)
    assert trail_of(process) == [
        ("HOTEL", "SUCCESS"),
        ("FLIGHT", "SUCCESS"),
        ("CAR", "SUCCESS"),
        ("BILL", "CANCELED"),
        ("UNDO_CAR", "SUCCESS"),
        ("UNDO_FLIGHT", "SUCCESS"),
        ("UNDO_HOTEL", "SUCCESS"),
    ]
    assert reload(process).error_code == "SOLD_OUT"
    assert booked() == Counter(["HOTEL", "CAR", "UNDO_CAR", "UNDO_FLIGHT", "UNDO_HOTEL"])
    assert list(violations()) == []

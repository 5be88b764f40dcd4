"""The example worker of ``docs/``, run as it is, against a live server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from processes.bus.external import release_external
from processes.bus.handlers import external_command, unregister_handler
from processes.bus.models import Command
from processes.bus.sending import send_command
from processes.worker import run_until_idle
from tests.bus.delivering import event_types, last_event, stored
from tests.support.live import wait_until_alone
from tests.support.service import Service
from tests.support.sessions import PATIENCE_SECONDS, wait_until

WORKER = Path(__file__).resolve().parents[2] / "docs" / "external_worker.py"
SHIP = ("shop", "OrderShip")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def start(server, transactional_db) -> Iterator[Callable[..., subprocess.Popen]]:
    """``start("shop", "OrderShip")`` runs the example; none outlives the test."""
    external_command("OrderShip", domain="shop", max_attempts=2, backoff=(0.05,))
    service = Service("bus.execute_command", username="carrier")
    told = {"BUS_URL": server, "BUS_TOKEN": service.token, "LEASE_SECONDS": "1"}
    started: list[subprocess.Popen] = []

    def start(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, str(WORKER), *arguments]
        child = subprocess.Popen(command, env=os.environ | told, stderr=subprocess.PIPE, text=True)
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate(timeout=PATIENCE_SECONDS)
    unregister_handler(*SHIP)  # and with it the long poll ends that a killed one has left
    wait_until_alone()


def ship(**data) -> Command:
    return send_command("OrderShip", data, domain="shop", reply_to="shop")


def status_is(command: Command, status: str) -> Callable[[], bool]:
    return lambda: stored(command).status == status


def test_it_succeeds_it_fails_and_it_is_killed(start):
    worker = start(*SHIP)
    shipped, lost = ship(postcode=3011), ship()
    wait_until(status_is(shipped, "COMPLETED"))
    assert shipped.replies.get().data == {"parcel": "P-3011"}
    assert last_event(shipped).actor == "carrier"

    wait_until(status_is(lost, "IN_TROUBLESHOOTING_QUEUE"))
    assert event_types(lost) == ["SENT", "RETRY_SCHEDULED", "PARKED"]
    parked = stored(lost)
    assert (parked.attempts, parked.last_error_code) == (2, "LookupError")
    assert parked.last_error_message == "no carrier takes a parcel without a postcode"

    slow = ship(postcode=8001, seconds=1.2)  # longer than its lease, which is kept
    wait_until(status_is(slow, "IN_PROGRESS"))
    worker.kill()
    start(*SHIP)
    wait_until(lambda: run_until_idle() or status_is(slow, "COMPLETED")())
    wait_until(status_is(slow, "COMPLETED"))
    assert (stored(slow).deliveries, stored(slow).attempts) == (2, 2)
    assert event_types(slow) == ["SENT", "RETRY_SCHEDULED", "COMPLETED"]


def test_who_has_lost_the_claim_drops_the_outcome_and_goes_on(start):
    worker = start(*SHIP)
    command = ship(postcode=3011, seconds=0.6)
    wait_until(status_is(command, "IN_PROGRESS"))
    release_external(command.pk, 1, worker="somebody")

    wait_until(status_is(command, "COMPLETED"))

    assert event_types(command) == ["SENT", "RELEASED", "LATE_OUTCOME", "COMPLETED"]
    worker.kill()
    _, said = worker.communicate(timeout=PATIENCE_SECONDS)
    assert f"/{command.pk}: dropped: " in said
    assert "CLAIM_LOST" in said


def test_who_is_refused_says_why_and_ends(start):
    worker = start("shop", "OrderBill")
    _, said = worker.communicate(timeout=PATIENCE_SECONDS)
    assert worker.returncode == 1
    assert "NOT_EXTERNAL" in said
    assert "those that are: OrderShip" in said


def test_it_stays_short_and_needs_nothing_but_the_standard_library():
    source = WORKER.read_text()
    assert len(source.splitlines()) < 80
    imported = {
        line.split()[1].split(".")[0]
        for line in source.splitlines()
        if line.startswith(("import ", "from "))
    }
    assert imported <= sys.stdlib_module_names

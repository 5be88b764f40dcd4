"""A worker gives back what it will not run: asked to stop, or out of time."""

import time

import pytest

from processes.bus.models import Command
from processes.worker import Worker, request_stop
from tests.bus.delivering import event_types, send, stored
from tests.support.behaviours import succeed

pytestmark = pytest.mark.django_db


def statuses() -> list[str]:
    return sorted(Command.objects.values_list("status", flat=True))


def test_a_worker_asked_to_stop_releases_what_it_has_not_run(register_handler):
    ran = []

    def stop_at_the_second(message):
        ran.append(message.command_id)
        if len(ran) == 2:
            request_stop()

    register_handler("Test", stop_at_the_second)
    for _ in range(5):
        send()

    Worker().run(10)

    assert len(ran) == 2
    assert statuses() == ["COMPLETED"] * 2 + ["PENDING"] * 3
    for command in Command.objects.filter(status="PENDING"):
        assert (command.attempts, command.deliveries) == (0, 1)
        assert event_types(command) == ["SENT", "RELEASED"]
        assert command.events.last().details == {"why": "the worker was asked to stop"}
    assert Command.objects.due().count() == 3


def test_a_worker_asked_to_stop_from_the_start_claims_nothing(register_handler):
    register_handler("Test", succeed())
    register_handler("Threaded", succeed(), transactional=False)
    commands = [send(), send("Threaded"), send("Unknown")]

    request_stop()

    assert Worker().run(10) == 0

    assert [stored(command).deliveries for command in commands] == [0, 0, 0]


def test_a_worker_out_of_time_releases_what_it_has_not_run(register_handler):
    register_handler("Test", lambda _: time.sleep(0.4))
    for _ in range(6):
        send()

    Worker().run(0.5)

    released = Command.objects.filter(status="PENDING")
    assert released.exists()
    assert released.count() + Command.objects.filter(status="COMPLETED").count() == 6
    for command in released:
        assert (command.attempts, event_types(command)) == (0, ["SENT", "RELEASED"])
        assert command.events.last().details == {"why": "the worker's time was over"}


def test_a_worker_without_time_claims_nothing(register_handler):
    register_handler("Test", succeed())
    command = send()

    Worker().run(0)

    assert (stored(command).status, stored(command).deliveries) == ("PENDING", 0)

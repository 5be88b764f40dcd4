"""A handler that outlives its lease and cannot be interrupted: its worker ends itself."""

from textwrap import dedent

import pytest

from processes.bus.models import Command
from processes.bus.sending import CommandRequest, send_commands
from processes.bus.states import CommandStatus

pytestmark = pytest.mark.django_db(transaction=True)

WORKER = dedent(
    """
    import time
    import django
    django.setup()
    from processes.bus import leases, threads
    from processes.bus.handlers import command_handler
    from processes.worker import run_until_idle

    leases.GRACE_SECONDS = threads.GRACE_SECONDS = 0.3  # a test's patience

    @command_handler("HangInThread", domain="hang", transactional=False, lease=0.3)
    def hang(message):
        time.sleep(60)

    @command_handler("Deaf", domain="hang", lease=0.3)
    def hear_no_interruption(message):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                time.sleep(60)
            except BaseException:
                pass

    @command_handler("Quick", domain="hang", transactional=False, lease=30)
    def quick(message):
        return {"done": True}

    run_until_idle()
    """
)


@pytest.mark.parametrize("command_type", ["HangInThread", "Deaf"])
def test_the_worker_ends_and_the_command_is_left_for_a_lone_delivery(children, command_type):
    quick, hanging = send_commands(
        [CommandRequest(name, {}, "hang") for name in ("Quick", command_type)]
    )

    worker = children.start("-c", WORKER)

    assert worker.wait(20) == 1
    left = Command.objects.get(pk=hanging.pk)
    assert (left.status, left.attempts, left.deliveries) == (CommandStatus.IN_PROGRESS, 1, 1)
    if command_type == "HangInThread":
        assert Command.objects.get(pk=quick.pk).status == CommandStatus.COMPLETED

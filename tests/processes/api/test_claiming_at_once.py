"""Many external workers at once, over HTTP: each command goes to one of them."""

import json
import time
import uuid
from collections import Counter
from urllib.request import Request, urlopen

import pytest

from processes.bus.models import Command
from processes.bus.sending import CommandRequest, send_commands
from tests.support.service import COMMANDS, Service
from tests.support.sessions import PATIENCE_SECONDS, run_together
from tests.support.three_steps import DOMAIN

WORKERS, NUMBER = 8, 200


@pytest.mark.django_db(transaction=True)
def test_no_command_is_handed_out_twice_and_none_is_left(server, register_external):
    register_external("Ship", lease=300)
    send_commands([CommandRequest("Ship", {"n": n}, DOMAIN) for n in range(NUMBER)])
    service = Service("bus.execute_command")
    claimed: list[str] = []  # by all of them

    def claim() -> list[str]:
        body = {"domain": DOMAIN, "types": ["Ship"], "limit": 5}
        headers = {"Authorization": f"Token {service.token}", "Content-Type": "application/json"}
        headers["Idempotency-Key"] = str(uuid.uuid4())
        request = Request(f"{server}{COMMANDS}/claim", json.dumps(body).encode(), headers)
        with urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return [delivery["command_id"] for delivery in json.load(response)["commands"]]

    def work() -> int:
        mine = 0
        deadline = time.monotonic() + PATIENCE_SECONDS - 1
        while len(claimed) < NUMBER and time.monotonic() < deadline:
            ids = claim()
            claimed.extend(ids)
            mine += len(ids)
        return mine

    shares = run_together(*[work] * WORKERS)

    assert sum(shares) == NUMBER
    assert all(shares), "some worker got nothing, so that they hardly met"
    assert Counter(claimed) == {str(pk): 1 for pk in Command.objects.values_list("pk", flat=True)}
    assert Command.objects.filter(status="IN_PROGRESS", deliveries=1).count() == NUMBER

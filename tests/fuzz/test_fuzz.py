"""A few hundred cases of ``make fuzz``, always the same ones."""

import pytest
from rest_framework.throttling import SimpleRateThrottle

from tests.fuzz.running import fuzz
from tests.fuzz.shop import DOMAIN, EXTERNAL, OPTIONS, Order
from tests.fuzz.world import make_world
from tests.support.live import wait_until_alone

EXAMPLES = 4


@pytest.mark.django_db(transaction=True)
def test_every_answer_is_as_the_schema_says(
    server, register_manager, register_external, monkeypatch
):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"user": None, "anon": None})
    register_manager(Order)
    for command_type in EXTERNAL:
        register_external(command_type, domain=DOMAIN, **OPTIONS)

    done = fuzz(server, make_world(), seed=1, examples=EXAMPLES, phases="examples,fuzzing,stateful")

    assert done.passed, done.told
    assert done.cases > 200
    wait_until_alone()

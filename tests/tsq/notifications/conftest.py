from collections.abc import Callable, Iterator
from typing import Any

import pytest

from processes.bus.models import Command
from tests.factories import CommandFactory
from tests.support.console import plain_http  # noqa: F401 - a fixture
from tests.support.three_steps import DOMAIN
from tests.tsq.notifications.receiver import Receiver
from tsq.models import NotificationRule
from tsq.notifications.signing import new_secret


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def mail_rule(db) -> NotificationRule:
    return NotificationRule.objects.create(domain=DOMAIN, emails="ops@example.org")


@pytest.fixture
def hook_rule(db, receiver) -> NotificationRule:
    return NotificationRule.objects.create(
        domain=DOMAIN, webhook_url=receiver.url, webhook_secret=new_secret()
    )


@pytest.fixture
def park() -> Callable[..., Command]:
    """``park("A")``: a new entry of the error group A."""

    def park(group: str = "b", **attributes: Any) -> Command:
        return CommandFactory(parked=True, fingerprint=group * 32, **attributes)

    return park

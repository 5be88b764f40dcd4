import pytest
from django.core.cache import cache

from tests.support.service import Service

EVERYTHING = (
    *("processes.view_process", "processes.start_process", "processes.compensate_process"),
    *("bus.view_command", "bus.send_command", "bus.execute_command"),
)


@pytest.fixture(autouse=True)
def site(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False
    cache.clear()  # the throttle counts there


@pytest.fixture
def service(db) -> Service:
    """One that may do everything."""
    return Service(*EVERYTHING)

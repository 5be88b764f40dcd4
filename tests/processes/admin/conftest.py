import pytest

from processes.models import Process
from processes.worker import run_until_idle
from tests.support.behaviours import business
from tests.support.console import EVERYTHING, Console
from tests.support.three_steps import Story


@pytest.fixture(autouse=True)
def plain_http(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def console(db) -> Console:
    """Of an operator who may do everything."""
    return Console(*EVERYTHING)


@pytest.fixture
def failed(db, story: Story) -> Process:
    """FAILED at step C, after A and B were done."""
    story.on("C", business("CLOSED", "The account is closed"))
    process = story.start(account=7)
    run_until_idle()
    return Process.objects.get(pk=process.pk)

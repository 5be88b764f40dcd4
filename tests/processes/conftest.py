import pytest

from processes.models import Process
from processes.worker import run_until_idle
from tests.support.behaviours import business
from tests.support.three_steps import Story


@pytest.fixture
def failed(db, story: Story) -> Process:
    """FAILED at step C, after A and B were done."""
    story.on("C", business("CLOSED", "The account is closed"))
    process = story.start(account=7)
    run_until_idle()
    return Process.objects.get(pk=process.pk)

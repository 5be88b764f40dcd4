import pytest

from processes.models import Process
from processes.worker import run_until_idle
from tests.support.behaviours import permanent, succeed
from tests.support.three_steps import Story
from tsq.models import TsqEntry


@pytest.fixture
def process(db, story: Story) -> Process:
    """Parked at step C, whose handler would succeed the next time."""
    story.on("C", permanent("DISK_FULL", "No space left"))
    process = story.start(customer=7)
    run_until_idle()
    story.on("C", succeed({"did": "C"}))
    return process


@pytest.fixture
def entry(process: Process) -> TsqEntry:
    """The parked command of ``process``."""
    return TsqEntry.objects.get(correlation_id=process.id)

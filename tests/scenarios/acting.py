"""What a test does itself where the workers would do too much at once."""

from collections.abc import Callable

from processes.bus.claims import claim
from processes.bus.delivery import deliver
from processes.bus.handlers import local_handlers
from processes.engine import handle_replies, take_replies
from processes.models import Process
from processes.worker import run_until_idle
from tests.support.behaviours import permanent
from tests.support.three_steps import Story


def deliver_only() -> None:
    """Deliver what is due, and leave the replies to another worker."""
    lanes = [(handler.lane, 100) for handler in local_handlers()]
    deliver(claim(lanes, 100), taken_by="somebody else", not_now=lambda: None)


def handle_only() -> None:
    """Handle the replies that are due, and leave the commands they send to another worker."""
    handle_replies(take_replies(100), run_next=lambda _: False)


def start_and_park_at(story: Story, step: str) -> Process:
    """A process whose command of this step has just been parked."""
    story.on(step, permanent())
    process = story.start()
    run_until_idle()
    return process


def raising(error: BaseException) -> Callable[..., None]:
    """A manager's method that raises this error."""

    def method(*_: object) -> None:
        raise error

    return method

"""``replies list``, ``handle`` and ``give-up``."""

import pytest

from processes.bus.models import Reply
from processes.models import OperatorAction, Process
from processes.worker import run_until_idle
from tests.factories import ReplyFactory
from tests.scenarios.acting import raising
from tests.scenarios.reading import status_of
from tests.support.commands import manage
from tests.support.three_steps import ThreeSteps
from tsq.models import StuckReply

pytestmark = pytest.mark.django_db

YES = ("--yes", "--operator", "ann", "--format", "json")


@pytest.fixture
def process(story, clock) -> Process:
    """Its manager fails over the first reply, which is stuck."""
    story.manager.update_state = raising(LookupError("the map is lost"))
    process = story.start()
    while not StuckReply.objects.exists():
        run_until_idle()
        clock.advance(61)
    return process


@pytest.fixture
def reply(process) -> Reply:
    return StuckReply.objects.get()


def test_the_list_tells_what_holds_up_which_process(process, reply):
    (row,) = manage("replies", "list", "--format", "json").rows
    assert (row["id"], row["outcome"], row["tries"]) == (reply.pk, "SUCCESS", 5)
    assert (row["type"], row["process_id"]) == ("A", str(process.pk))
    assert row["last_error"] == "LookupError: the map is lost"
    assert manage("replies", "list", "--domain", "nowhere").out == ""
    assert manage("replies", "list", "--outcome", "WHAT").code == 2


def test_without_yes_nothing_is_changed(reply):
    ran = manage("replies", "handle", "--all")
    assert ran.code == 1
    assert "replies to handle again: 1" in ran.err
    assert StuckReply.objects.get().version == reply.version


def test_handled_again_the_process_goes_on(story, process, reply):
    story.manager.update_state = ThreeSteps.update_state
    ran = manage("replies", "handle", reply.pk, "--reason", "mended", *YES)
    assert (ran.code, ran.rows[0]["outcome"]) == (0, "DONE")
    run_until_idle()
    assert status_of(process) == "COMPLETED"
    action = OperatorAction.objects.get()
    assert (action.action, action.operator, action.channel) == ("handle_again", "ann", "cli")


def test_given_up_the_process_fails(process, reply):
    assert manage("replies", "give-up", "--type", "A", "--reason", "lost", *YES).code == 0
    assert status_of(process) == "FAILED"


def test_one_handled_before_is_skipped(process, reply):
    manage("replies", "give-up", reply.pk, "--reason", "lost", *YES)
    ran = manage("replies", "handle", reply.pk, *YES)
    assert (ran.code, ran.rows[0]["outcome"]) == (1, "SKIPPED")
    assert "give_up by ann" in ran.rows[0]["message"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["give-up", "--all"], "say --reason"),
        (["handle"], "Say what you mean"),
        (["handle", "x"], "'x' is not an id"),
        (["handle", "9" * 30], "is not an id"),
        (["handle", "123456789"], "There is no such reply: 123456789"),
    ],
)
def test_wrong_usage_changes_nothing(arguments, why):
    reply = ReplyFactory(stuck=True)
    ran = manage("replies", *arguments, "--yes")
    assert ran.code == 2
    assert why in ran.err
    assert Reply.objects.get().version == reply.version

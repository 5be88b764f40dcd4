"""Stuck replies: an operator has one handled again, or gives it up."""

import pytest

from processes.bus.errors import NotFound, NotStuck, ReasonRequired
from processes.bus.models import Command, CommandEvent, Reply
from processes.engine import REPLY_GIVEN_UP, compensate
from processes.models import OperatorAction, Process, ProcessStep
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.scenarios.acting import raising, start_and_park_at
from tests.scenarios.reading import entry_of, reload, status_of, trail_of
from tests.support.behaviours import business, permanent
from tests.support.sessions import run_together
from tsq.models import StuckReply
from tsq.operations import cancel, give_up, handle_again

pytestmark = pytest.mark.django_db

LOST = "LookupError: the map is lost"


@pytest.fixture
def get_stuck(story, clock):
    """Let the reply that is due next fail until it is stuck; then the code is mended."""

    def until_stuck() -> StuckReply:
        take = story.manager.handle_reply
        story.manager.handle_reply = raising(LookupError("the map is lost"))
        for _ in range(5):
            run_until_idle()
            clock.advance(61)
        story.manager.handle_reply = take
        return StuckReply.objects.get()

    return until_stuck


@pytest.fixture
def process(story) -> Process:
    return story.start()


@pytest.fixture
def stuck(process, get_stuck) -> StuckReply:
    """The stuck SUCCESS reply of a process's first step."""
    return get_stuck()


def stored() -> list[list[dict]]:
    tables = (Command, CommandEvent, Reply, OperatorAction, Process, ProcessStep)
    return [list(table.objects.order_by("pk").values()) for table in tables]


class TestHandleAgain:
    def test_the_reply_is_due_with_its_tries_counted_anew(self, stuck):
        reply = handle_again(stuck.id, operator="ann", note="mended")
        assert (reply.tries, reply.handled_at, reply.last_error) == (0, None, LOST)
        assert not StuckReply.objects.exists()

    def test_the_action_is_recorded(self, stuck):
        handle_again(stuck.id, operator="ann", note="mended", channel="cli", request_id="r-7")
        action = OperatorAction.objects.get()
        assert (action.reply_id, action.command, action.process) == (stuck.id, None, None)
        assert (action.action, action.operator, action.reason) == ("handle_again", "ann", "mended")
        assert (action.channel, action.request_id) == ("cli", "r-7")
        assert action.before == {
            "outcome": "SUCCESS",
            "tries": 5,
            "handled": False,
            "last_error": LOST,
        }
        assert action.after == action.before | {"tries": 0}

    def test_one_stuck_anew_since_the_operator_looked_is_refused(self, stuck, get_stuck):
        handle_again(stuck.id, operator="ann")
        stuck_anew = get_stuck()
        before = stored()

        with pytest.raises(NotStuck, match="handle_again by ann"):
            handle_again(stuck.id, operator="bob", seen=stuck.version)

        assert stored() == before
        handle_again(stuck.id, operator="bob", seen=stuck_anew.version)

    def test_the_process_goes_on(self, story, process, stuck):
        handle_again(stuck.id, operator="ann")
        run_until_idle()
        assert status_of(process) == ProcessStatus.COMPLETED
        assert story.steps_run == ["A", "B", "C"]

    def test_it_may_get_stuck_again(self, stuck, get_stuck):
        handle_again(stuck.id, operator="ann")
        assert get_stuck() == stuck

    def test_a_stuck_notice_can_be_handled_again(self, story, get_stuck):
        story.on("A", permanent())
        process = story.start()
        notice = get_stuck()
        assert notice.outcome == "PARKED"
        handle_again(notice.id, operator="ann")
        run_until_idle()
        assert status_of(process) == ProcessStatus.WAITING_FOR_TSQ


class TestGiveUp:
    def test_the_step_keeps_the_outcome_and_the_process_fails(self, story, process, stuck):
        reply = give_up(stuck.id, operator="ann", reason="the data is odd")

        failed, step = reload(process), process.steps.get()
        assert failed.status == ProcessStatus.FAILED
        assert (failed.error_code, failed.error_message) == (REPLY_GIVEN_UP, LOST)
        assert (step.outcome, step.reply_data) == ("SUCCESS", {"did": "A"})
        assert reply.handled_at is not None
        assert run_until_idle() == 0
        assert story.steps_run == ["A"]

    def test_the_action_is_recorded(self, stuck):
        give_up(stuck.id, operator="ann", reason="the data is odd")
        action = OperatorAction.objects.get()
        assert (action.reply_id, action.command, action.process) == (stuck.id, None, None)
        assert (action.action, action.reason) == ("give_up", "the data is odd")
        assert (action.before["handled"], action.after["handled"]) == (False, True)

    def test_compensating_then_undoes_that_step_too(self, story, process, stuck):
        give_up(stuck.id, operator="ann", reason="the data is odd")
        compensate(process.id, operator="ann", reason="start over")
        run_until_idle()
        assert trail_of(process) == [("A", "SUCCESS"), ("UNDO_A", "SUCCESS")]
        assert status_of(process) == ProcessStatus.COMPENSATED

    def test_a_failed_step_is_not_undone_by_it(self, story, get_stuck):
        story.on("A", business())
        process = story.start()
        give_up(get_stuck().id, operator="ann", reason="odd")
        compensate(process.id, operator="ann", reason="start over")
        assert trail_of(process) == [("A", "FAILED")]
        assert status_of(process) == ProcessStatus.COMPENSATED

    def test_of_a_canceled_reply(self, story, get_stuck):
        process = start_and_park_at(story, "B")
        cancel(entry_of(process).id, operator="ann", reason="no use")
        give_up(get_stuck().id, operator="ann", reason="odd")
        assert (status_of(process), reload(process).error_code) == ("FAILED", REPLY_GIVEN_UP)
        assert trail_of(process) == [("A", "SUCCESS"), ("B", "CANCELED")]

    def test_while_compensating_the_rest_goes_on(self, story, get_stuck):
        process = start_and_park_at(story, "C")
        take = story.manager.handle_reply
        cancel(entry_of(process).id, operator="ann", reason="no use")
        story.on("UNDO_B", lambda _: setattr(story.manager, "handle_reply", raising(OSError())))
        run_until_idle()
        story.manager.handle_reply = take
        stuck = get_stuck()
        assert status_of(process) == ProcessStatus.COMPENSATING

        give_up(stuck.id, operator="ann", reason="odd")
        run_until_idle()

        assert trail_of(process)[3:] == [("UNDO_B", "SUCCESS"), ("UNDO_A", "SUCCESS")]
        assert status_of(process) == ProcessStatus.COMPENSATED
        assert reload(process).error_code == "BROKEN"

    def test_a_notice_cannot_be_given_up(self, story, get_stuck):
        story.on("A", permanent())
        story.start()
        notice = get_stuck()
        before = stored()
        with pytest.raises(NotStuck, match="PARKED notice cannot be given up"):
            give_up(notice.id, operator="ann", reason="odd")
        assert stored() == before

    @pytest.mark.parametrize("reason", ["", "  ", None])
    def test_it_needs_a_reason(self, stuck, reason):
        before = stored()
        with pytest.raises(ReasonRequired):
            give_up(stuck.id, operator="ann", reason=reason)
        assert stored() == before


def do_handle_again(reply_id: int, **by):
    return handle_again(reply_id, **by)


def do_give_up(reply_id: int, **by):
    return give_up(reply_id, reason="odd", **by)


@pytest.mark.parametrize("operate", [do_handle_again, do_give_up])
class TestRefused:
    def test_a_handled_reply(self, story, operate):
        story.start()
        run_until_idle()
        before, reply = stored(), Reply.objects.first()
        with pytest.raises(NotStuck, match="this one is HANDLED") as refusal:
            operate(reply.id, operator="ann")
        assert (refusal.value.state, refusal.value.at) == ("HANDLED", reply.handled_at)
        assert stored() == before

    def test_a_reply_that_is_still_tried(self, story, operate):
        story.manager.handle_reply = raising(LookupError())
        story.start()
        run_until_idle()
        before = stored()
        with pytest.raises(NotStuck, match="this one is WAITING"):
            operate(Reply.objects.get().id, operator="ann")
        assert stored() == before

    def test_one_that_another_operator_took_care_of(self, stuck, operate):
        handle_again(stuck.id, operator="ben")
        before, done = stored(), OperatorAction.objects.get()
        with pytest.raises(NotStuck, match="handle_again by ben") as refusal:
            operate(stuck.id, operator="ann")
        assert (refusal.value.actor, refusal.value.action) == ("ben", "handle_again")
        assert refusal.value.at == done.at
        assert stored() == before

    @pytest.mark.parametrize("unknown", [4711, 10**30, "garbage", None])
    def test_an_unknown_reply(self, operate, unknown):
        with pytest.raises(NotFound):
            operate(unknown, operator="ann")


@pytest.mark.django_db(transaction=True)
def test_two_operators_at_the_same_moment_one_wins(story, get_stuck):
    process = story.start()
    stuck = get_stuck()
    outcomes = run_together(
        lambda: give_up(stuck.id, operator="ann", reason="odd"),
        lambda: give_up(stuck.id, operator="ben", reason="odd"),
    )
    (refusal,) = (outcome for outcome in outcomes if isinstance(outcome, NotStuck))
    done = OperatorAction.objects.get()
    assert (refusal.actor, refusal.action) == (done.operator, "give_up")
    assert status_of(process) == ProcessStatus.FAILED

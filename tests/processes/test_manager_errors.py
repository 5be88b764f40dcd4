"""A manager whose code fails: only its own reply waits, and not for ever."""

import sys
import time
from collections import defaultdict

import pytest
from django.db import connection

from processes.bus.models import Command, Reply
from processes.models import Process
from processes.states import ProcessStatus
from processes.worker import LOOK_AGAIN_SECONDS, run_until_idle, seconds_until_due
from tests.scenarios.acting import deliver_only, raising
from tests.scenarios.reading import entry_of, reload, status_of, trail_of, unhandled_replies_to
from tests.support.behaviours import permanent
from tests.support.three_steps import ThreeSteps, ThreeStepState
from tsq.operations import retry

pytestmark = pytest.mark.django_db

BACKOFF_SECONDS = (2, 10, 30, 60)
MAX_TRIES = 5


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def only_reply() -> Reply:
    return Reply.objects.get()


class TestOneReply:
    def test_it_is_tried_again_after_each_wait_and_then_stuck(self, story, clock):
        story.manager.get_next_step = raising(LookupError("the map is lost"))
        process = story.start()
        run_until_idle()
        for tries, wait in enumerate(BACKOFF_SECONDS, 1):
            reply = only_reply()
            assert (reply.tries, reply.handled_at) == (tries, None)
            assert reply.last_error == "LookupError: the map is lost"
            assert seconds_until_due() == pytest.approx(wait, abs=0.5)
            clock.advance(wait - 1)
            assert run_until_idle() == 0
            clock.advance(1)
            assert run_until_idle() == 1

        assert list(Reply.objects.stuck()) == [only_reply()]
        assert only_reply().tries == MAX_TRIES
        clock.advance(24 * 3600)
        assert run_until_idle() == 0
        assert only_reply().tries == MAX_TRIES
        assert trail_of(process) == [("A", None)]
        assert status_of(process) == ProcessStatus.WAITING_FOR_REPLY

    def test_nothing_of_what_the_manager_did_before_it_raised_remains(self, story):
        process = story.start()
        before = reload(process)
        story.manager.build_command = raising(LookupError("no such command"))

        run_until_idle()

        after = reload(process)
        assert after.state == before.state == {"results": {}}
        assert (after.status, after.current_step) == (before.status, "A")
        assert after.updated_at == before.updated_at
        assert trail_of(process) == [("A", None)]
        assert Command.objects.count() == 1

    def test_once_the_code_is_mended_the_process_goes_on(self, story, clock):
        story.manager.update_state = raising(LookupError("the map is lost"))
        process = story.start()
        run_until_idle()
        del story.manager.update_state
        clock.advance(2)
        run_until_idle()
        assert status_of(process) == ProcessStatus.COMPLETED
        assert story.steps_run == ["A", "B", "C"]

    def test_it_holds_back_the_later_replies_of_its_process(self, story, clock):
        story.on("A", permanent())
        process = story.start()
        deliver_only()
        retry(entry_of(process).id, operator="ann")
        take = story.manager.handle_reply
        story.manager.handle_reply = raising(LookupError("no"))

        run_until_idle()
        assert unhandled_replies_to(process) == ["PARKED", "REQUEUED", "PARKED"]
        assert list(Reply.objects.order_by("id").values_list("tries", flat=True)) == [1, 0, 0]

        story.manager.handle_reply = take
        clock.advance(2)
        run_until_idle()
        assert unhandled_replies_to(process) == []
        assert status_of(process) == ProcessStatus.WAITING_FOR_TSQ


def spoil(story, how) -> list[Process]:
    """Five processes whose A is handled in one batch; the manager treats the third one so."""
    processes = story.start_many(5)
    bad = processes[2].id
    story.on("A", lambda message: {"bad": message.correlation_id == bad})

    def update_state(self, state: ThreeStepState, step, reply) -> None:
        ThreeSteps.update_state(self, state, step, reply)
        if reply.data.get("bad"):
            how(state)

    story.manager.update_state = update_state
    return processes


def put(value: object):
    def into(state: ThreeStepState) -> None:
        state.results["odd"] = value

    return into


def keep_in_the_state_only(value: object):
    """Put a value into the state that no command carries."""

    def into(state: ThreeStepState) -> None:
        kept = state.results
        state.to_dict = lambda: {"results": kept | {"odd": value}}

    return into


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(raising(LookupError("no")), id="raises"),
        pytest.param(raising(RecursionError("deep")), id="recursion"),
        pytest.param(raising(Unspeakable()), id="error-without-text"),
        pytest.param(lambda _: sys.exit(1), id="sys.exit"),
        pytest.param(raising(ValueError("\x00 \ud800")), id="message-with-nul-and-surrogate"),
        pytest.param(put("\x00"), id="command-with-nul"),
        pytest.param(put("\ud800"), id="command-with-half-a-surrogate"),
        pytest.param(put(float("inf")), id="command-with-infinity"),
        pytest.param(put(object()), id="command-not-json"),
        pytest.param(keep_in_the_state_only("\x00"), id="state-with-nul"),
        pytest.param(keep_in_the_state_only("\ud800"), id="state-with-half-a-surrogate"),
        pytest.param(keep_in_the_state_only(object()), id="state-not-json"),
    ],
)
def test_what_a_manager_does_to_one_process_harms_no_other(story, how):
    processes = spoil(story, how)

    run_until_idle()

    bad = processes.pop(2)
    assert [status_of(process) for process in processes] == [ProcessStatus.COMPLETED] * 4
    assert status_of(bad) == ProcessStatus.WAITING_FOR_REPLY
    assert trail_of(bad) == [("A", None)]
    reply = Reply.objects.unhandled().get()
    assert (reply.correlation_id, reply.tries) == (bad.id, 1)
    assert reply.last_error
    assert sorted(story.steps_run) == ["A"] * 5 + ["B"] * 4 + ["C"] * 4


@pytest.mark.django_db(transaction=True)
def test_a_step_that_cannot_be_stored_is_that_replys_own_error(story, clock):
    """PostgreSQL refuses the whole batch; each reply is then handled on its own."""
    processes = story.start_many(3)
    bad = processes[1].id
    story.on("A", lambda message: {"bad": message.correlation_id == bad})
    following = story.manager.get_next_step
    too_long = type("Step", (str,), {"value": "X" * 300})()
    story.manager.get_next_step = lambda self, step, reply, state: (
        too_long if reply.data.get("bad") else following(self, step, reply, state)
    )
    build = story.manager.build_command
    story.manager.build_command = lambda self, step, state: (
        build(self, story.manager.step_class.C, state)
        if step is too_long
        else build(self, step, state)
    )

    run_until_idle()

    statuses = [status_of(process) for process in processes]
    assert statuses == ["COMPLETED", "WAITING_FOR_REPLY", "COMPLETED"]
    reply = Reply.objects.unhandled().get()
    assert (reply.correlation_id, reply.tries) == (bad, 1)
    assert "too long" in reply.last_error
    assert sorted(story.steps_run) == ["A", "A", "A", "B", "B", "C", "C"]


@pytest.mark.django_db(transaction=True)
def test_a_reply_that_was_tried_before_is_handled_alone(story, clock):
    """It may kill its worker; a transaction of its own harms nobody else."""
    story.manager.handle_reply = raising(LookupError("no"))
    tried = story.start()
    run_until_idle()
    clock.advance(2)
    story.on("A", lambda _: time.sleep(2 * LOOK_AGAIN_SECONDS))
    story.start_many(3)
    handled = defaultdict(set)

    def note_transaction(self, reply, process) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text")
            handled[cursor.fetchone()].add(process.id)
        ThreeSteps.handle_reply(self, reply, process)

    story.manager.handle_reply = note_transaction
    run_until_idle()

    second_try = next(together for together in handled.values() if tried.id in together)
    assert second_try == {tried.id}

"""How replies reach a process: in order, each once, whenever a worker comes to it."""

import pytest

from processes.bus.models import Command, Reply
from processes.bus.states import ReplyOutcome
from processes.engine import start_process
from processes.models import Process, ProcessStep
from processes.registry import unregister_process
from processes.states import ProcessStatus
from processes.worker import run_until_idle, seconds_until_due
from tests.scenarios.acting import deliver_only
from tests.scenarios.reading import (
    command_of,
    entry_of,
    reload,
    status_of,
    trail_of,
    unhandled_replies_to,
)
from tests.support.behaviours import permanent, succeed
from tests.support.three_steps import PROCESS_TYPE
from tsq.operations import cancel, complete, retry

pytestmark = pytest.mark.django_db


def write_reply(command: Command, process: Process, outcome: ReplyOutcome) -> Reply:
    return Reply.objects.create(
        command=command, correlation_id=process.id, reply_to="processes", outcome=outcome
    )


def rows_of(process: Process) -> list:
    """The process and its steps as they are stored, but for when it was looked at last."""
    stored = Process.objects.filter(pk=process.pk).values().get()
    del stored["updated_at"]
    steps = ProcessStep.objects.filter(process=process).order_by("sequence")
    return [stored, *steps.values()]


class TestLateAndTogether:
    """Everything below happens before any reply is handled; then a worker comes."""

    def test_parked_and_retried_and_done(self, story):
        story.on("A", permanent())
        process = story.start()
        deliver_only()
        retry(entry_of(process).id, operator="ann")
        story.on("A", succeed({"at": "last"}))
        deliver_only()
        assert unhandled_replies_to(process) == ["PARKED", "REQUEUED", "SUCCESS"]
        assert status_of(process) == ProcessStatus.WAITING_FOR_REPLY

        run_until_idle()

        assert unhandled_replies_to(process) == []
        assert status_of(process) == ProcessStatus.COMPLETED
        assert reload(process).state["results"]["A"] == {"at": "last"}
        assert story.steps_run == ["A", "A", "B", "C"]

    def test_parked_and_completed_by_an_operator(self, story):
        story.on("A", permanent())
        process = story.start()
        deliver_only()
        complete(entry_of(process).id, operator="ann", result_data={"by": "hand"})
        assert unhandled_replies_to(process) == ["PARKED", "SUCCESS"]

        run_until_idle()

        assert status_of(process) == ProcessStatus.COMPLETED
        assert reload(process).state["results"]["A"] == {"by": "hand"}
        assert story.steps_run == ["A", "B", "C"]

    def test_parked_and_canceled(self, story):
        story.on("A", permanent("BROKEN", "no way"))
        process = story.start()
        deliver_only()
        cancel(entry_of(process).id, operator="ann", reason="no use")

        run_until_idle()

        assert status_of(process) == ProcessStatus.COMPENSATED
        assert trail_of(process) == [("A", "CANCELED")]
        assert story.steps_run == ["A"]

    def test_parked_retried_and_parked_anew(self, story):
        story.on("A", permanent())
        process = story.start()
        deliver_only()
        retry(entry_of(process).id, operator="ann")
        deliver_only()
        assert unhandled_replies_to(process) == ["PARKED", "REQUEUED", "PARKED"]

        run_until_idle()

        assert status_of(process) == ProcessStatus.WAITING_FOR_TSQ
        assert trail_of(process) == [("A", None)]

    def test_they_are_handled_in_the_order_of_their_ids(self, story):
        """A SUCCESS before the PARKED notice would leave the notice to change nothing."""
        story.on("A", permanent())
        process = story.start()
        deliver_only()
        complete(entry_of(process).id, operator="ann")
        handled = []
        take = story.manager.handle_reply
        story.manager.handle_reply = lambda self, reply, of: (
            handled.append((reply.id, reply.outcome, of.status)),
            take(self, reply, of),
        )

        run_until_idle()

        assert [entry[0] for entry in handled] == sorted(entry[0] for entry in handled)
        assert [entry[1:] for entry in handled[:2]] == [
            ("PARKED", ProcessStatus.WAITING_FOR_REPLY),
            ("SUCCESS", ProcessStatus.WAITING_FOR_TSQ),
        ]


class TestChangesNothing:
    @pytest.mark.parametrize("outcome", list(ReplyOutcome))
    def test_a_reply_that_belongs_to_no_step(self, story, outcome):
        story.on("B", permanent())
        process = story.start()
        run_until_idle()
        strange = Command.objects.create(
            domain="elsewhere", command_type="X", data={}, max_attempts=1
        )
        stray = write_reply(strange, process, outcome)
        self.assert_handled_without_effect(process, stray)

    @pytest.mark.parametrize("outcome", [ReplyOutcome.PARKED, ReplyOutcome.REQUEUED])
    def test_a_notice_that_comes_after_the_outcome(self, story, outcome):
        process = story.start()
        run_until_idle()
        late = write_reply(command_of(process, "A"), process, outcome)
        self.assert_handled_without_effect(process, late)

    def test_a_notice_that_comes_twice(self, story):
        story.on("A", permanent())
        process = story.start()
        run_until_idle()
        entry = entry_of(process)
        retry(entry.id, operator="ann")
        story.on("A", succeed())
        run_until_idle()
        late = write_reply(command_of(process, "A"), process, ReplyOutcome.PARKED)
        self.assert_handled_without_effect(process, late)

    def assert_handled_without_effect(self, process: Process, reply: Reply) -> None:
        before, commands = rows_of(process), Command.objects.count()
        run_until_idle()
        reply.refresh_from_db()
        after = rows_of(process)
        assert reply.handled_at is not None
        assert (after, Command.objects.count()) == (before, commands)


class TestUnknownCode:
    """Replies wait for a worker whose code knows them; that is no try of theirs."""

    def test_an_unknown_process_type_waits_untouched(self, story, register_manager):
        process = story.start()
        deliver_only()
        before = list(Reply.objects.values()), rows_of(process)
        unregister_process(PROCESS_TYPE)

        assert run_until_idle() == 0
        assert (list(Reply.objects.values()), rows_of(process)) == before
        assert seconds_until_due() is None

        register_manager(story.manager)
        run_until_idle()
        assert status_of(process) == ProcessStatus.COMPLETED

    def test_an_unknown_step_waits_and_is_not_a_try(self, story, clock):
        process = story.start()
        deliver_only()
        story.manager.knows = lambda _, name: name != "A"
        before = rows_of(process)

        for _ in range(7):
            run_until_idle()
            clock.advance(61)

        reply = Reply.objects.get()
        assert (reply.tries, reply.handled_at) == (0, None)
        assert rows_of(process) == before

        del story.manager.knows
        run_until_idle()
        assert status_of(process) == ProcessStatus.COMPLETED

    def test_it_does_not_hold_up_other_processes(self, story, register_manager):
        other = register_manager(type("Other", (story.manager,), {"process_type": "Other"}))
        waiting = story.start()
        deliver_only()
        other.knows = lambda *_: True
        story.manager.knows = lambda *_: False
        going = start_process("Other", {})
        run_until_idle()
        assert status_of(going) == ProcessStatus.COMPLETED
        assert status_of(waiting) == ProcessStatus.WAITING_FOR_REPLY

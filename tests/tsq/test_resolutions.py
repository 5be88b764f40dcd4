"""Retry, complete, cancel: what each writes, and that a refused one writes nothing."""

import uuid
from datetime import timedelta
from functools import partial

import pytest

from processes.audit import OperatorRequired
from processes.bus.errors import InvalidResult, NotFound, NotParked, ReasonRequired
from processes.bus.models import Command, CommandEvent, Reply
from processes.bus.sending import send_command
from processes.bus.states import CommandStatus
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import COMMAND_TRAITS, CommandFactory
from tests.scenarios.acting import start_and_park_at
from tests.scenarios.reading import command_of, entry_of, status_of, trail_of
from tests.support.behaviours import business, permanent, succeed, transient
from tsq import care
from tsq.models import TsqEntry
from tsq.operations import cancel, complete, retry

pytestmark = pytest.mark.django_db

PARKED = CommandStatus.IN_TROUBLESHOOTING_QUEUE


@pytest.fixture
def entry(story) -> TsqEntry:
    """The parked second command of a process."""
    return entry_of(start_and_park_at(story, "B"))


def stored() -> list[list[dict]]:
    """Every row an operation could touch."""
    tables = (Command, CommandEvent, Reply, OperatorAction, Process)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def newest_event() -> CommandEvent:
    return CommandEvent.objects.latest("id")


def newest_reply() -> Reply:
    return Reply.objects.latest("id")


class TestRetry:
    def test_the_command_is_due_with_its_attempts_counted_anew(self, entry):
        command = retry(entry.id, operator="ann", note="the disk is back")

        assert command == Command.objects.get(pk=entry.id)
        assert (command.status, command.attempts) == (CommandStatus.PENDING, 0)
        assert (command.deliveries, command.parked_at) == (entry.deliveries, None)
        assert command.last_error_code == entry.last_error_code
        assert Command.objects.due().get() == command

    def test_event_action_and_reply_are_written(self, entry):
        retry(entry.id, operator="ann", note="the disk is back", channel="cli", request_id="r-7")

        event, reply, action = newest_event(), newest_reply(), OperatorAction.objects.get()
        assert (event.command_id, event.type, event.actor) == (entry.id, "OPERATOR_RETRY", "ann")
        assert event.details == {"reason": "the disk is back", "channel": "cli"}
        assert (reply.command_id, reply.outcome, reply.data) == (entry.id, "REQUEUED", None)
        assert (reply.correlation_id, reply.reply_to) == (entry.correlation_id, "processes")
        assert (action.command_id, action.process, action.reply) == (entry.id, None, None)
        assert (action.action, action.operator, action.reason) == (
            *("retry", "ann", "the disk is back"),
        )
        assert (action.channel, action.request_id) == ("cli", "r-7")
        assert action.before == {
            "status": PARKED,
            "attempts": 1,
            "deliveries": 1,
            "error_code": "BROKEN",
            "error_message": "no way",
        }
        assert action.after == action.before | {"status": "PENDING", "attempts": 0}

    def test_the_process_goes_on_when_it_succeeds(self, story, entry):
        process = Process.objects.get()
        story.on("B", succeed())
        retry(entry.id, operator="ann")
        run_until_idle()
        assert status_of(process) == ProcessStatus.COMPLETED
        assert trail_of(process) == [("A", "SUCCESS"), ("B", "SUCCESS"), ("C", "SUCCESS")]
        assert not TsqEntry.objects.exists()

    def test_it_gets_all_its_attempts_again(self, story, entry, clock):
        story.on("B", transient())
        retry(entry.id, operator="ann")
        for attempt in (1, 2, 3):
            assert Command.objects.get(pk=entry.id).status == CommandStatus.PENDING
            run_until_idle()
            assert Command.objects.get(pk=entry.id).attempts == attempt
            clock.advance(600)
        assert Command.objects.get(pk=entry.id).status == PARKED
        assert [m.attempt for step, m in story.ran if step == "B"] == [1, 1, 2, 3]

    def test_it_may_fail_the_process(self, story, entry):
        story.on("B", business())
        retry(entry.id, operator="ann")
        run_until_idle()
        assert status_of(Process.objects.get()) == ProcessStatus.FAILED


class TestComplete:
    def test_the_command_is_completed_with_the_result(self, entry):
        command = complete(entry.id, operator="ann", result_data={"x": 1}, note="by hand")

        assert command.status == CommandStatus.COMPLETED
        assert command.completed_at is not None
        assert command.attempts == entry.attempts
        event, reply, action = newest_event(), newest_reply(), OperatorAction.objects.get()
        assert (event.type, event.actor) == ("OPERATOR_COMPLETE", "ann")
        assert event.details["reason"] == "by hand"
        assert (reply.outcome, reply.data, reply.error_code) == ("SUCCESS", {"x": 1}, "")
        assert (action.action, action.reason) == ("complete", "by hand")
        assert action.before["status"] == PARKED
        assert action.after == action.before | {"status": "COMPLETED"}

    def test_it_needs_no_result(self, story, entry):
        complete(entry.id, operator="ann")
        run_until_idle()
        process = Process.objects.get()
        assert process.status == ProcessStatus.COMPLETED
        assert process.state["results"]["B"] is None

    @pytest.mark.parametrize(
        "result", [[1], "text", 1, {"x": object()}, {"x": float("nan")}, {"x": "\x00"}]
    )
    def test_a_result_that_cannot_be_kept_is_refused(self, entry, result):
        before = stored()
        with pytest.raises(InvalidResult):
            complete(entry.id, operator="ann", result_data=result)
        assert stored() == before


class TestCancel:
    def test_the_command_is_canceled_and_its_last_error_told(self, entry):
        command = cancel(entry.id, operator="ann", reason="no use")

        assert command.status == CommandStatus.CANCELED
        assert command.completed_at is not None
        event, reply, action = newest_event(), newest_reply(), OperatorAction.objects.get()
        assert (event.type, event.details["reason"]) == ("OPERATOR_CANCEL", "no use")
        assert (reply.outcome, reply.data) == ("CANCELED", None)
        assert (reply.error_code, reply.error_message) == ("BROKEN", "no way")
        assert (action.action, action.reason) == ("cancel", "no use")
        assert action.after == action.before | {"status": "CANCELED"}

    @pytest.mark.parametrize("reason", ["", "  \n", None])
    def test_it_needs_a_reason(self, entry, reason):
        before = stored()
        with pytest.raises(ReasonRequired):
            cancel(entry.id, operator="ann", reason=reason)
        assert stored() == before


OPERATIONS = [
    pytest.param(retry, id="retry"),
    pytest.param(complete, id="complete"),
    pytest.param(partial(cancel, reason="no use"), id="cancel"),
]


@pytest.mark.parametrize("operate", OPERATIONS)
class TestEach:
    def test_without_an_address_no_reply_is_written(self, story, operate):
        story.on("A", permanent())
        command = send_command("A", {}, domain="test")
        run_until_idle()
        operate(command.id, operator="ann")
        assert not Reply.objects.exists()
        assert OperatorAction.objects.get().command == command
        assert not TsqEntry.objects.exists()

    @pytest.mark.parametrize("status", [s for s in CommandStatus if s != PARKED])
    def test_what_is_not_parked_is_refused(self, operate, status):
        command = CommandFactory(**COMMAND_TRAITS[status])
        before = stored()
        with pytest.raises(NotParked, match=f"no longer in the TSQ; it is {status}") as refusal:
            operate(command.id, operator="ann")
        assert refusal.value.state == status
        assert (refusal.value.actor, refusal.value.action) == ("", "")
        assert stored() == before

    @pytest.mark.parametrize("resolved", OPERATIONS)
    def test_the_second_is_told_who_was_first(self, entry, operate, resolved):
        resolved(entry.id, operator="ben")
        before, done = stored(), OperatorAction.objects.get()
        with pytest.raises(NotParked, match=f"{done.action} by ben, ") as refusal:
            operate(entry.id, operator="ann")
        assert (refusal.value.actor, refusal.value.action) == ("ben", done.action)
        assert refusal.value.at == done.at
        assert stored() == before

    def test_claims_and_notes_are_not_told_to_have_resolved_it(self, entry, operate):
        cancel(entry.id, operator="ben", reason="no use")
        care.add_note(entry.id, "gone", operator="eve")
        with pytest.raises(NotParked, match=r"it is CANCELED \(cancel by ben, ") as refusal:
            operate(entry.id, operator="ann")
        assert (refusal.value.actor, refusal.value.action) == ("ben", "cancel")

    def test_one_meant_for_an_earlier_parking_is_refused(self, entry, operate):
        retry(entry.id, operator="ben")
        run_until_idle()
        assert entry_of(Process.objects.get()).deliveries == entry.deliveries + 1
        before = stored()
        with pytest.raises(NotParked, match="parked anew since you looked") as refusal:
            operate(entry.id, operator="ann", seen=entry.deliveries)
        assert (refusal.value.state, refusal.value.actor) == (PARKED, "ben")
        assert stored() == before
        operate(entry.id, operator="ann", seen=entry.deliveries + 1)

    @pytest.mark.parametrize("operator", ["", "   ", None])
    def test_an_operator_has_a_name(self, entry, operate, operator):
        before = stored()
        with pytest.raises(OperatorRequired):
            operate(entry.id, operator=operator)
        assert stored() == before

    def test_the_channel_is_a_known_one(self, entry, operate):
        before = stored()
        with pytest.raises(OperatorRequired, match="telepathy"):
            operate(entry.id, operator="ann", channel="telepathy")
        assert stored() == before

    def test_an_unknown_id_is_not_found(self, operate):
        unknown = uuid.uuid4()
        with pytest.raises(NotFound, match=str(unknown)):
            operate(unknown, operator="ann")

    def test_what_is_no_id_at_all_is_not_found(self, operate):
        with pytest.raises(NotFound, match="garbage"):
            operate("garbage", operator="ann")

    def test_names_and_notes_that_postgresql_cannot_hold_are_made_fit(self, entry, operate):
        operate(entry.id, operator="a\x00nn" + "!" * 300, request_id="\x00")
        action = OperatorAction.objects.get()
        assert "\x00" not in action.operator + action.request_id
        assert len(action.operator) <= 200

    def test_the_time_is_the_databases(self, entry, operate, clock):
        clock.advance(3600)
        operate(entry.id, operator="ann")
        command, action = Command.objects.get(pk=entry.id), OperatorAction.objects.get()
        times = [command.updated_at, action.at, newest_event().at, newest_reply().created_at]
        assert min(times) >= entry.parked_at + timedelta(hours=1)
        assert max(times) <= clock.now()


def test_the_last_error_of_a_command_outlives_its_completion(entry):
    complete(entry.id, operator="ann")
    assert command_of(Process.objects.get(), "B").last_error_code == "BROKEN"

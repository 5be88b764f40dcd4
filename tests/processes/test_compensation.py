"""Compensation, run by workers: one after another, best effort, whatever happens to one of them."""

import uuid

import pytest

from processes.base import COMPENSATION_NOT_BUILT
from processes.bus.models import Command
from processes.models import Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.scenarios.acting import deliver_only, handle_only, start_and_park_at
from tests.scenarios.reading import command_of, entry_of, reload, replies_to, status_of, trail_of
from tests.support.behaviours import business, permanent, succeed, transient
from tests.support.three_steps import ThreeStep
from tsq.models import TsqEntry
from tsq.operations import cancel, complete, retry

pytestmark = pytest.mark.django_db

COMPENSATED, COMPENSATING = ProcessStatus.COMPENSATED, ProcessStatus.COMPENSATING


def cancel_parked(process: Process) -> None:
    cancel(entry_of(process).id, operator="ann", reason="no use")
    run_until_idle()


def compensations_of(process: Process) -> list[tuple[str, str | None]]:
    steps = process.steps.filter(direction="COMPENSATION").order_by("sequence")
    return list(steps.values_list("step", "outcome"))


def test_each_compensation_is_a_step_and_a_command_of_its_own(story):
    process = start_and_park_at(story, "C")
    cancel_parked(process)
    undo_b, undo_a = process.steps.filter(direction="COMPENSATION").order_by("sequence")
    assert [undo_b.sequence, undo_a.sequence] == [4, 5]
    assert [s.command_id for s in (undo_b, undo_a)] == [
        uuid.uuid5(process.id, "4"),
        uuid.uuid5(process.id, "5"),
    ]
    assert undo_b.command_data == {"results": {"A": {"did": "A"}, "B": {"did": "B"}}}
    assert undo_b.received_at <= undo_a.sent_at


def test_the_state_and_the_current_step_stay_as_they_were(story):
    process = start_and_park_at(story, "C")
    before = reload(process)
    cancel_parked(process)
    after = reload(process)
    assert (after.state, after.current_step) == (before.state, "C")
    assert after.completed_at is not None


def test_nothing_to_undo_ends_compensated_at_once(story):
    process = start_and_park_at(story, "A")
    cancel_parked(process)
    assert trail_of(process) == [("A", "CANCELED")]
    assert status_of(process) == COMPENSATED
    assert Command.objects.count() == 1


def test_a_step_that_ran_twice_is_undone_twice(story):
    """A, B, A, B, C: every completed step, not every name, has a compensation."""
    after_b = iter([ThreeStep.A, ThreeStep.C])
    story.manager.get_next_step = lambda _, step, *__: (
        next(after_b) if step == "B" else ThreeStep.B if step == "A" else None
    )
    process = start_and_park_at(story, "C")
    cancel_parked(process)
    undone = process.steps.filter(direction="COMPENSATION").order_by("sequence")
    assert list(undone.values_list("step", "compensates__sequence")) == [
        ("UNDO_B", 4),
        ("UNDO_A", 3),
        ("UNDO_B", 2),
        ("UNDO_A", 1),
    ]
    assert status_of(process) == COMPENSATED


def test_an_operators_completion_is_undone_like_any_other(story):
    process = start_and_park_at(story, "B")
    story.on("C", permanent())
    complete(entry_of(process).id, operator="ann")
    run_until_idle()
    cancel_parked(process)
    assert compensations_of(process) == [("UNDO_B", "SUCCESS"), ("UNDO_A", "SUCCESS")]


class TestOnFailure:
    def test_a_failed_reply_compensates_where_the_manager_wants_it(self, story):
        story.manager.compensate_on_failure = True
        story.on("C", business("REFUSED", "not allowed"))
        process = story.start()
        run_until_idle()
        ended = reload(process)
        assert ended.status == COMPENSATED
        assert (ended.error_code, ended.error_message) == ("REFUSED", "not allowed")
        assert trail_of(process)[2:] == [
            ("C", "FAILED"),
            ("UNDO_B", "SUCCESS"),
            ("UNDO_A", "SUCCESS"),
        ]


class TestBestEffort:
    @pytest.mark.parametrize("failing", ["UNDO_B", "UNDO_A"])
    def test_one_that_fails_is_recorded_and_the_rest_run(self, story, failing):
        story.on(failing, business("GONE", "cannot be undone"))
        process = start_and_park_at(story, "C")
        cancel_parked(process)
        expected = {"UNDO_B": "SUCCESS", "UNDO_A": "SUCCESS"} | {failing: "FAILED"}
        assert compensations_of(process) == list(expected.items())
        assert (status_of(process), reload(process).error_code) == (COMPENSATED, "BROKEN")

    @pytest.mark.parametrize("method", ["get_compensation_step", "build_command"])
    def test_one_that_cannot_be_built_is_recorded_without_a_command(self, story, method):
        process = start_and_park_at(story, "C")
        answer = getattr(story.manager, method)

        def refuse_b(self, step, *rest):
            if step in ("B", "UNDO_B"):
                raise LookupError("no way back")
            return answer(self, step, *rest)

        setattr(story.manager, method, refuse_b)
        cancel_parked(process)

        assert [outcome for _, outcome in compensations_of(process)] == ["FAILED", "SUCCESS"]
        unbuilt = process.steps.get(compensates__step="B")
        assert (unbuilt.command_id, unbuilt.sent_at, unbuilt.command_data) == (None, None, None)
        assert (unbuilt.error_code, unbuilt.error_message) == (
            COMPENSATION_NOT_BUILT,
            "LookupError: no way back",
        )
        assert story.steps_run == ["A", "B", "C", "UNDO_A"]
        assert status_of(process) == COMPENSATED

    @pytest.mark.parametrize("odd", ["\x00", "\ud800", object(), float("nan")])
    def test_one_whose_data_cannot_be_stored_is_not_built(self, story, odd):
        process = start_and_park_at(story, "C")
        build = story.manager.build_command

        def build_oddly(self, step, state):
            command = build(self, step, state)
            if step == "UNDO_B":
                command.data["odd"] = odd
            return command

        story.manager.build_command = build_oddly
        cancel_parked(process)
        assert [outcome for _, outcome in compensations_of(process)] == ["FAILED", "SUCCESS"]
        assert process.steps.get(compensates__step="B").error_code == COMPENSATION_NOT_BUILT
        assert status_of(process) == COMPENSATED


class TestParked:
    @pytest.fixture
    def process(self, story) -> Process:
        """Its UNDO_B is parked; UNDO_A has not been delivered yet."""
        story.on("UNDO_B", permanent("STUCK", "cannot undo"))
        process = start_and_park_at(story, "C")
        cancel(entry_of(process).id, operator="ann", reason="no use")
        handle_only()
        deliver_only()
        handle_only()
        assert compensations_of(process) == [("UNDO_B", None), ("UNDO_A", None)]
        assert process.steps.get(step="UNDO_B").parked_at is not None
        return process

    def test_it_does_not_hold_up_the_rest_nor_the_end(self, story, process):
        run_until_idle()
        assert compensations_of(process) == [("UNDO_B", None), ("UNDO_A", "SUCCESS")]
        assert status_of(process) == COMPENSATED
        assert entry_of(process).command_type == "UNDO_B"

    def test_retried_while_the_next_one_runs_each_runs_once(self, story, process):
        story.on("UNDO_B", succeed())
        retry(entry_of(process).id, operator="ann")
        deliver_only()
        assert replies_to(process)[-3:] == ["REQUEUED", "SUCCESS", "SUCCESS"]
        run_until_idle()
        assert compensations_of(process) == [("UNDO_B", "SUCCESS"), ("UNDO_A", "SUCCESS")]
        assert story.steps_run.count("UNDO_A") == 1
        assert status_of(process) == COMPENSATED

    def test_retried_and_done_first_the_process_waits_for_the_other(self, story, process):
        undo_a = command_of(process, "UNDO_A")
        Command.objects.filter(pk=undo_a.pk).update(available_at="2999-01-01T00:00Z")
        story.on("UNDO_B", succeed())
        retry(entry_of(process).id, operator="ann")
        run_until_idle()
        assert compensations_of(process) == [("UNDO_B", "SUCCESS"), ("UNDO_A", None)]
        assert status_of(process) == COMPENSATING

    @pytest.mark.parametrize("resolve", [cancel, complete])
    def test_resolved_while_the_next_one_runs_nothing_is_started(self, story, process, resolve):
        by = {"operator": "ann"} | ({"reason": "so be it"} if resolve is cancel else {})
        commands = Command.objects.count()
        resolve(entry_of(process).id, **by)
        run_until_idle()
        assert Command.objects.count() == commands
        outcome = "CANCELED" if resolve is cancel else "SUCCESS"
        assert compensations_of(process) == [("UNDO_B", outcome), ("UNDO_A", "SUCCESS")]
        assert status_of(process) == COMPENSATED

    @pytest.mark.parametrize("resolve", [cancel, complete, retry])
    def test_resolved_after_the_end_only_the_trail_changes(self, story, process, resolve):
        run_until_idle()
        story.on("UNDO_B", succeed())
        ended, commands = reload(process), Command.objects.count()
        by = {"operator": "ann"} | ({"reason": "so be it"} if resolve is cancel else {})
        resolve(entry_of(process).id, **by)
        run_until_idle()

        outcome = "CANCELED" if resolve is cancel else "SUCCESS"
        assert compensations_of(process) == [("UNDO_B", outcome), ("UNDO_A", "SUCCESS")]
        assert Command.objects.count() == commands
        after = reload(process)
        assert (after.status, after.completed_at) == (ended.status, ended.completed_at)
        assert (after.state, after.error_code) == (ended.state, ended.error_code)

    def test_its_parking_time_stays_that_of_the_first_parking(self, story, process, clock):
        parked_at = process.steps.get(step="UNDO_B").parked_at
        clock.advance(3600)
        retry(entry_of(process).id, operator="ann")
        run_until_idle()
        assert process.steps.get(step="UNDO_B").parked_at == parked_at
        assert entry_of(process).parked_at > parked_at
        assert story.steps_run.count("UNDO_A") == 1

    def test_all_parked_the_process_still_ends(self, story, process):
        story.on("UNDO_A", permanent())
        run_until_idle()
        assert compensations_of(process) == [("UNDO_B", None), ("UNDO_A", None)]
        assert TsqEntry.objects.count() == 2
        assert status_of(process) == COMPENSATED


def test_a_transient_compensation_is_retried_before_the_next_one_starts(story, clock):
    story.on("UNDO_B", transient())
    process = start_and_park_at(story, "C")
    cancel_parked(process)
    assert compensations_of(process) == [("UNDO_B", None)]
    assert status_of(process) == COMPENSATING

    story.on("UNDO_B", succeed())
    clock.advance(60)
    run_until_idle()
    assert compensations_of(process) == [("UNDO_B", "SUCCESS"), ("UNDO_A", "SUCCESS")]
    assert status_of(process) == COMPENSATED

"""Starting processes: idempotent, all or nothing, and refused in words that help."""

import uuid

import pytest

from processes.bus.errors import (
    DuplicateProcess,
    InvalidProcessData,
    UnknownProcessType,
)
from processes.bus.models import Command, CommandEvent, Reply
from processes.engine import start_process, start_processes
from processes.models import Process, ProcessStep
from processes.states import ProcessStatus
from tests.support.sessions import run_together
from tests.support.three_steps import PROCESS_TYPE

pytestmark = pytest.mark.django_db

A_DAY_OUT = {"to": "the sea", "guests": 2}


def rows() -> dict[str, int]:
    return {m.__name__: m.objects.count() for m in (Process, ProcessStep, Command, CommandEvent)}


def rows_of(started: int) -> dict[str, int]:
    return dict.fromkeys(("Process", "ProcessStep", "Command", "CommandEvent"), started)


def test_start_writes_the_process_its_first_step_and_its_command(story):
    process = start_process(PROCESS_TYPE, A_DAY_OUT)

    assert (process.status, process.current_step) == (ProcessStatus.WAITING_FOR_REPLY, "A")
    assert (process.domain, process.data) == ("test", A_DAY_OUT)
    assert (process.state, process.completed_at) == ({"results": {}}, None)
    step = process.steps.get()
    command = Command.objects.get()
    assert (step.sequence, step.step, step.direction) == (1, "A", "FORWARD")
    assert (step.command_type, step.command_data) == ("A", {"results": {}})
    assert step.command_id == command.id == uuid.uuid5(process.id, "1")
    assert (command.correlation_id, command.reply_to) == (process.id, "processes")
    assert rows() == rows_of(started=1)
    assert not Reply.objects.exists()


class TestSameIdAgain:
    def test_with_the_same_content_it_is_the_same_process(self, story):
        mine = uuid.uuid4()
        first = start_process(PROCESS_TYPE, {"a": 1, "b": 2}, process_id=mine)
        again = start_process(PROCESS_TYPE, {"b": 2, "a": 1}, process_id=str(mine))
        assert first.id == again.id == mine
        assert rows() == rows_of(started=1)

    def test_with_other_data_it_is_refused(self, story):
        process = start_process(PROCESS_TYPE, {"a": 1})
        with pytest.raises(DuplicateProcess, match=str(process.id)):
            start_process(PROCESS_TYPE, {"a": 2}, process_id=process.id)
        assert Process.objects.get().data == {"a": 1}
        assert rows() == rows_of(started=1)

    def test_with_another_type_it_is_refused(self, story, register_manager):
        register_manager(type("Other", (story.manager,), {"process_type": "Other"}))
        process = start_process(PROCESS_TYPE, {"a": 1})
        with pytest.raises(DuplicateProcess, match=str(process.id)):
            start_process("Other", {"a": 1}, process_id=process.id)
        assert rows() == rows_of(started=1)

    @pytest.mark.django_db(transaction=True)
    def test_two_at_the_same_moment_start_one_process(self, story):
        mine = uuid.uuid4()
        starts = [lambda: start_process(PROCESS_TYPE, A_DAY_OUT, process_id=mine)] * 4
        assert [process.id for process in run_together(*starts)] == [mine] * 4
        assert rows() == rows_of(started=1)

    @pytest.mark.django_db(transaction=True)
    def test_of_two_with_other_data_at_the_same_moment_one_is_refused(self, story):
        mine = uuid.uuid4()
        one, other = run_together(
            lambda: start_process(PROCESS_TYPE, {"a": 1}, process_id=mine),
            lambda: start_process(PROCESS_TYPE, {"a": 2}, process_id=mine),
        )
        assert {type(one), type(other)} == {Process, DuplicateProcess}
        assert rows() == rows_of(started=1)

    @pytest.mark.django_db(transaction=True)
    def test_crossing_lists_of_ids_do_not_deadlock(self, story):
        ids = [uuid.uuid4() for _ in range(200)]
        data = [{}] * len(ids)
        together = run_together(
            lambda: start_processes(PROCESS_TYPE, data, ids),
            lambda: start_processes(PROCESS_TYPE, data, ids[::-1]),
        )
        assert [len(started) for started in together] == [200, 200]
        assert rows() == rows_of(started=200)


class TestMany:
    def test_they_come_back_in_the_order_given(self, story):
        started = start_processes(PROCESS_TYPE, [{"n": n} for n in range(30)])
        assert [process.data["n"] for process in started] == list(range(30))
        assert rows() == rows_of(started=30)

    def test_none_is_nothing(self, story):
        assert start_processes(PROCESS_TYPE, []) == []
        assert rows() == rows_of(started=0)

    def test_one_bad_item_is_named_and_nothing_is_started(self, story):
        with pytest.raises(InvalidProcessData, match=r"^Item 2 of 3: a JSON object is needed"):
            start_processes(PROCESS_TYPE, [{}, ["not an object"], {}])
        assert rows() == rows_of(started=0)

    def test_one_duplicate_and_nothing_is_started(self, story):
        there = start_process(PROCESS_TYPE, {"a": 1})
        with pytest.raises(DuplicateProcess, match=str(there.id)):
            start_processes(PROCESS_TYPE, [{}, {"a": 2}], [uuid.uuid4(), there.id])
        assert rows() == rows_of(started=1)

    def test_those_that_are_there_already_are_returned_with_the_new_ones(self, story):
        there = start_process(PROCESS_TYPE, {"a": 1})
        new = uuid.uuid4()
        started = start_processes(PROCESS_TYPE, [{}, {"a": 1}], [new, there.id])
        assert [process.id for process in started] == [new, there.id]
        assert rows() == rows_of(started=2)

    def test_ids_must_be_as_many_as_data(self, story):
        with pytest.raises(InvalidProcessData, match="1 ids for 2 items"):
            start_processes(PROCESS_TYPE, [{}, {}], [uuid.uuid4()])

    def test_an_id_given_twice_is_refused(self, story):
        with pytest.raises(InvalidProcessData, match="same id twice"):
            start_processes(PROCESS_TYPE, [{}, {}], [uuid.UUID(int=1), str(uuid.UUID(int=1))])
        assert rows() == rows_of(started=0)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raising(error: Exception):
    def method(*_: object):
        raise error

    return method


class TestRefused:
    def test_an_unknown_type_names_the_known_ones(self, story):
        with pytest.raises(UnknownProcessType, match=r"'Nonsense'; known are: .*ThreeSteps"):
            start_process("Nonsense", {})
        assert rows() == rows_of(started=0)

    @pytest.mark.parametrize(
        "data", [None, [], "text", {"at": object()}, {"x": float("nan")}, {"x": "\x00"}]
    )
    def test_data_that_is_no_storable_json_object(self, story, data):
        with pytest.raises(InvalidProcessData):
            start_process(PROCESS_TYPE, data)
        assert rows() == rows_of(started=0)

    @pytest.mark.parametrize("stage", ["create_initial_state", "get_first_step", "build_command"])
    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (
                ValueError("guests: at most 4 fit in."),
                r"with this data: guests: at most 4 fit in\.$",
            ),
            (KeyError("guests"), r"KeyError: 'guests'$"),
            (Unspeakable(), "Unspeakable"),
        ],
    )
    def test_whatever_a_stage_of_the_manager_raises(self, story, stage, error, told):
        setattr(story.manager, stage, raising(error))
        with pytest.raises(InvalidProcessData, match=told):
            start_process(PROCESS_TYPE, {})
        assert rows() == rows_of(started=0)

    @pytest.mark.parametrize("state", [{"when": object()}, {"x": "\x00"}, ["no object"], None])
    def test_a_state_that_is_no_storable_json_object(self, story, state):
        unfit = type("State", (), {"to_dict": lambda _: state, "results": {}})
        story.manager.create_initial_state = lambda *_: unfit()
        with pytest.raises(InvalidProcessData):
            start_process(PROCESS_TYPE, {})
        assert rows() == rows_of(started=0)

    def test_an_id_that_is_none(self, story):
        with pytest.raises(InvalidProcessData, match="process_id must be a UUID, not 'garbage'"):
            start_process(PROCESS_TYPE, {}, process_id="garbage")
        assert rows() == rows_of(started=0)

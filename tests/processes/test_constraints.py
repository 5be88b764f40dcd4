"""What the database itself refuses: rows that no flow of the engine may ever leave behind."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from processes.models import OperatorAction, Process, ProcessStep
from processes.states import Direction, OperatorVerb, ProcessStatus, StepOutcome, SubjectKind

pytestmark = pytest.mark.django_db

NOW = datetime(2024, 5, 1, tzinfo=UTC)
OPEN = (ProcessStatus.WAITING_FOR_REPLY, ProcessStatus.WAITING_FOR_TSQ, ProcessStatus.COMPENSATING)
ENDED = (ProcessStatus.COMPLETED, ProcessStatus.COMPENSATED, ProcessStatus.FAILED)


def refused_by(constraint: str):
    """The block's row is refused by exactly this constraint."""
    return pytest.raises(IntegrityError, match=f'"{constraint}"')


def store_process(**fields) -> Process:
    legal = {"process_type": "Test", "domain": "test", "data": {}}
    with transaction.atomic():
        return Process.objects.create(**legal | {"status": ProcessStatus.PENDING} | fields)


def store_step(process: Process, **fields) -> ProcessStep:
    legal = {
        "sequence": 1,
        "step": "FIRST",
        "direction": Direction.FORWARD,
        "command_id": uuid.uuid4(),
        "sent_at": NOW,
    }
    with transaction.atomic():
        return ProcessStep.objects.create(process=process, **legal | fields)


def store_action(**fields) -> OperatorAction:
    legal = {
        "domain": "test",
        "action": OperatorVerb.COMPENSATE,
        "operator": "ann",
        "channel": "python",
        "before": {},
        "after": {},
    }
    with transaction.atomic():
        return OperatorAction.objects.create(**legal | fields)


@pytest.fixture
def process() -> Process:
    return store_process(status=ProcessStatus.WAITING_FOR_REPLY)


@pytest.fixture
def done(process: Process) -> ProcessStep:
    """A completed forward step."""
    return store_step(process, outcome=StepOutcome.SUCCESS, received_at=NOW)


class TestProcess:
    def test_legal_rows_are_stored(self):
        for status in (ProcessStatus.PENDING, *OPEN):
            store_process(status=status)
        for status in ENDED:
            store_process(status=status, completed_at=NOW, error_code="WHY")

    @pytest.mark.parametrize("status", [ProcessStatus.IN_PROGRESS, "SLEEPING", ""])
    def test_in_progress_and_unknown_statuses_are_never_committed(self, status):
        with refused_by("process_status_known_and_committable"):
            store_process(status=status)

    @pytest.mark.parametrize("status", ENDED)
    def test_a_terminal_process_has_its_time(self, status):
        with refused_by("process_terminal_has_its_time"):
            store_process(status=status, error_code="WHY")

    @pytest.mark.parametrize("status", [ProcessStatus.PENDING, *OPEN])
    def test_only_a_terminal_process_has_a_time(self, status):
        with refused_by("process_terminal_has_its_time"):
            store_process(status=status, completed_at=NOW)

    def test_a_failed_process_has_its_error(self):
        with refused_by("process_failed_has_its_error"):
            store_process(status=ProcessStatus.FAILED, completed_at=NOW)

    def test_a_set_based_update_does_not_pass_by_the_constraints(self, process):
        with refused_by("process_status_known_and_committable"), transaction.atomic():
            Process.objects.update(status=ProcessStatus.IN_PROGRESS)
        process = Process.objects.get()
        assert process.status == ProcessStatus.WAITING_FOR_REPLY


class TestStep:
    def test_legal_rows_are_stored(self, process, done):
        store_step(process, sequence=2)
        store_step(process, sequence=3, direction=Direction.COMPENSATION, compensates=done)
        assert process.steps.count() == 3

    def test_a_sequence_is_taken_once_per_process(self, process, done):
        with refused_by("step_sequence_unique"):
            store_step(process, sequence=done.sequence)
        store_step(store_process(), sequence=done.sequence)

    def test_a_process_has_one_open_forward_step(self, process):
        store_step(process, sequence=1)
        with refused_by("step_one_open_forward_per_process"):
            store_step(process, sequence=2)

    def test_a_command_belongs_to_one_step(self, process, done):
        with pytest.raises(IntegrityError, match="command_id"):
            store_step(process, sequence=2, command_id=done.command_id)

    def test_a_forward_step_has_one_compensation_at_most(self, process, done):
        undoing = {"direction": Direction.COMPENSATION, "compensates": done}
        store_step(process, sequence=2, **undoing)
        with pytest.raises(IntegrityError, match="compensates_id"):
            store_step(process, sequence=3, **undoing)

    def test_a_compensation_names_what_it_undoes(self, process, done):
        with refused_by("step_compensation_names_what_it_undoes"):
            store_step(process, sequence=2, direction=Direction.COMPENSATION)

    def test_a_forward_step_undoes_nothing(self, process, done):
        with refused_by("step_compensation_names_what_it_undoes"):
            store_step(process, sequence=2, compensates=done)

    def test_a_direction_is_forward_or_compensation(self, process):
        with refused_by("step_compensation_names_what_it_undoes"):
            store_step(process, direction="SIDEWAYS")

    @pytest.mark.parametrize(
        "fields",
        [
            {"outcome": StepOutcome.SUCCESS},
            {"received_at": NOW},
            {"outcome": "PARKED", "received_at": NOW},
        ],
    )
    def test_an_outcome_is_known_and_has_its_time(self, process, fields):
        with refused_by("step_outcome_has_its_time"):
            store_step(process, **fields)

    @pytest.mark.parametrize(
        "fields", [{"command_id": None}, {"sent_at": None}, {"command_id": None, "sent_at": None}]
    )
    def test_a_forward_step_was_sent(self, process, fields):
        with refused_by("step_unsent_only_as_failed_compensation"):
            store_step(process, **fields)

    def test_a_compensation_that_was_not_sent_has_failed(self, process, done):
        unsent = {
            "sequence": 2,
            "direction": Direction.COMPENSATION,
            "compensates": done,
            "command_id": None,
            "sent_at": None,
        }
        with refused_by("step_unsent_only_as_failed_compensation"):
            store_step(process, **unsent)
        with refused_by("step_unsent_only_as_failed_compensation"):
            store_step(process, **unsent, outcome=StepOutcome.SUCCESS, received_at=NOW)
        store_step(process, **unsent, outcome=StepOutcome.FAILED, received_at=NOW)


class TestOperatorAction:
    def test_it_has_a_subject(self):
        with refused_by("action_has_exactly_one_subject"):
            store_action()

    def test_it_has_only_one_subject(self, process):
        with refused_by("action_has_exactly_one_subject"):
            store_action(process=process, command_id=uuid.uuid4())

    @pytest.mark.parametrize(
        "fields",
        [
            {"subject_kind": SubjectKind.NOTIFICATION},
            {"subject_id": "17"},
        ],
    )
    def test_a_subject_above_the_engine_has_kind_and_id_and_is_the_only_one(self, process, fields):
        for engine_s in ({}, {"process": process}):
            with refused_by("action_has_exactly_one_subject"):
                store_action(**engine_s, **fields)
        with refused_by("action_has_exactly_one_subject"):
            store_action(process=process, subject_kind=SubjectKind.NOTIFICATION, subject_id="17")

    @pytest.mark.parametrize("fields", [{"action": "shrug"}, {"channel": "telepathy"}])
    def test_action_and_channel_are_known(self, process, fields):
        with refused_by("action_and_channel_known"):
            store_action(process=process, **fields)

    def test_the_kind_of_a_subject_is_known(self):
        with refused_by("action_and_channel_known"):
            store_action(subject_kind="cat", subject_id="17")

    def test_it_names_its_operator(self, process):
        with refused_by("action_names_its_operator"):
            store_action(process=process, operator="")

    def test_a_legal_row_is_stored(self, process):
        store_action(process=process)
        store_action(subject_kind=SubjectKind.NOTIFICATION, subject_id="17", domain="")
        assert process.operator_actions.count() == 1
        assert OperatorAction.objects.on(SubjectKind.NOTIFICATION, 17).count() == 1

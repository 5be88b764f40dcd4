""" "Run compensation" on a FAILED process: asks first, then does it, or refuses."""

import pytest

from processes.models import OperatorAction, Process
from processes.selectors import PlannedUndo, planned_compensations
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import ProcessFactory, ProcessStepFactory
from tests.support.console import EVERYTHING, Console, told
from tests.support.three_steps import Story

pytestmark = pytest.mark.django_db


def reload(process: Process) -> Process:
    return Process.objects.get(pk=process.pk)


def test_it_asks_first_and_tells_what_is_undone_in_order(console, failed):
    text = console.text("processes_process_compensate", failed.pk)
    assert 0 < text.index("UNDO_B") < text.index("UNDO_A")
    assert reload(failed).status == ProcessStatus.FAILED
    assert not OperatorAction.objects.exists()


def test_it_undoes_what_was_done(console, failed, story: Story):
    response = console.submit("processes_process_compensate", failed.pk, reason="refunded")
    assert response.url == f"/admin/processes/process/{failed.pk}/change/"
    assert told(response) == [f"ThreeSteps {failed.pk} is being compensated."]
    run_until_idle()
    assert reload(failed).status == ProcessStatus.COMPENSATED
    assert story.steps_run[-2:] == ["UNDO_B", "UNDO_A"]
    action = OperatorAction.objects.get()
    assert (action.process_id, action.action) == (failed.pk, "compensate")
    assert (action.operator, action.channel, action.reason) == ("ann", "admin", "refunded")


@pytest.mark.parametrize("reason", ["", " \n ", "x" * 10_001, "\x00"])
def test_it_needs_a_reason_that_can_be_kept(console, failed, reason):
    response = console.submit("processes_process_compensate", failed.pk, reason=reason)
    assert response.status_code == 200
    assert "reason" in response.context["form"].errors
    assert reload(failed).status == ProcessStatus.FAILED


def test_one_compensated_meanwhile_is_left_alone(console, failed):
    console.submit("processes_process_compensate", failed.pk, reason="first")
    response = Console(*EVERYTHING, username="bob").submit(
        "processes_process_compensate", failed.pk, reason="second"
    )
    (message,) = told(response)
    assert message.startswith("Nothing was changed. Only a FAILED process can be compensated")
    assert "compensate by ann" in message
    assert OperatorAction.objects.count() == 1


def test_a_type_this_code_does_not_know_is_refused(console, failed):
    Process.objects.filter(pk=failed.pk).update(process_type="Elsewhere")
    assert "cannot be told here" in console.text("processes_process_compensate", failed.pk)
    (message,) = told(console.submit("processes_process_compensate", failed.pk, reason="x"))
    assert "Unknown process type 'Elsewhere'" in message
    assert reload(failed).status == ProcessStatus.FAILED


def test_the_button_is_there_only_for_failed_processes(console, failed):
    path = f"/admin/processes/process/{failed.pk}/compensate/"
    assert path in console.text("processes_process_change", failed.pk)
    console.submit("processes_process_compensate", failed.pk, reason="x")
    assert path not in console.text("processes_process_change", failed.pk)


def test_a_step_undone_already_is_not_planned_again(story: Story):
    process = ProcessFactory(compensating=True)
    first = ProcessStepFactory(process=process, success=True, step="A")
    second = ProcessStepFactory(process=process, success=True, step="B")
    ProcessStepFactory(process=process, compensates=second, success=True, step="UNDO_B")
    (plan,) = planned_compensations([process]).values()
    assert plan == [PlannedUndo(first.sequence, "A", undone_by="UNDO_A")]


def test_a_step_that_needs_no_undoing_is_told(console, failed, story: Story):
    story.manager.get_compensation_step = lambda *_: None
    text = console.text("processes_process_compensate", failed.pk)
    assert "A (step 1): nothing to undo" in text


def test_one_that_is_not_failed_leads_to_its_page(console, failed):
    console.submit("processes_process_compensate", failed.pk, reason="x")
    response = console.page("processes_process_compensate", failed.pk)
    assert response.url == f"/admin/processes/process/{failed.pk}/change/"
    assert "is not FAILED; it is COMPENSATING" in told(response)[-1]

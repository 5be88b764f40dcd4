"""The page of a process: its audit trail, what went wrong, and nothing unescaped."""

import pytest

from processes.models import Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import ProcessFactory, ProcessStepFactory
from tests.support.behaviours import business, permanent
from tests.support.console import Console
from tests.support.ids import NOBODYS_ID
from tests.support.three_steps import Story
from tsq.models import TsqEntry
from tsq.operations import cancel

XSS = "<script>alert('x')</script>"


pytestmark = pytest.mark.django_db


def test_the_audit_trail_is_shown_in_order(console, failed):
    rows = console.page("processes_process_change", failed.pk).context["trail"]
    assert [(r.step.sequence, r.step.step, r.standing) for r in rows] == [
        (1, "A", "SUCCESS"),
        (2, "B", "SUCCESS"),
        (3, "C", "FAILED"),
    ]
    text = console.text("processes_process_change", failed.pk)
    assert "The account is closed" in text
    assert "&quot;did&quot;: &quot;B&quot;" in text
    assert "&quot;account&quot;: 7" in text


def test_a_parked_step_leads_to_its_entry(console, story: Story):
    story.on("C", permanent())
    process = story.start()
    run_until_idle()
    entry = TsqEntry.objects.get()
    text = console.text("processes_process_change", process.pk)
    assert "In TSQ" in text
    assert f"/admin/tsq/tsqentry/{entry.pk}/change/" in text
    assert "/admin/tsq/" not in text_for_viewer(process)


def text_for_viewer(process: Process) -> str:
    viewer = Console("processes.view_process", username="eve")
    return viewer.text("processes_process_change", process.pk)


def test_compensations_that_failed_or_are_parked_are_shown_loudly(console, story: Story):
    story.on("C", permanent())
    story.on("UNDO_B", business("KEPT", "The file is kept"))
    story.on("UNDO_A", permanent("GONE", "The index is gone"))
    process = story.start()
    run_until_idle()
    cancel(TsqEntry.objects.get().pk, operator="bob", reason="customer left")
    run_until_idle()
    assert Process.objects.get(pk=process.pk).status == ProcessStatus.COMPENSATED
    text = console.text("processes_process_change", process.pk)
    assert "2 compensations did not do their work" in text
    assert "The file is kept" in text
    assert "The index is gone" in text
    assert "customer left" in text


def test_a_compensation_that_was_not_built_is_shown(console):
    process = ProcessFactory(compensated=True)
    done = ProcessStepFactory(process=process, success=True)
    ProcessStepFactory(process=process, compensates=done, not_built=True, step="undo A")
    text = console.text("processes_process_change", process.pk)
    assert "1 compensation did not do its work" in text
    assert "cannot be undone" in text


def test_what_handlers_and_callers_say_is_escaped(console):
    process = ProcessFactory(
        failed=True,
        process_type=XSS,
        current_step=XSS,
        error_code=XSS,
        error_message=XSS,
        data={"x": XSS},
        state={"x": XSS},
    )
    ProcessStepFactory(
        process=process, failed=True, step=XSS, error_message=XSS, reply_data={"x": XSS}
    )
    for name in ("change", "compensate"):
        text = console.text(f"processes_process_{name}", process.pk)
        assert XSS not in text
        assert "&lt;script&gt;" in text
    assert XSS not in console.text("processes_process_changelist")


@pytest.mark.parametrize("pk", ["nonsense", NOBODYS_ID, "17", "%00"])
def test_an_id_that_is_none_is_not_found(console, pk):
    for part in ("change", "compensate"):
        response = console.client.get(f"/admin/processes/process/{pk}/{part}/", follow=True)
        assert response.status_code == 404

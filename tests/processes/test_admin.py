"""Processes at the console: the list, the page with the audit trail, and "run compensation"."""

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from processes.admin import readonly
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import ProcessFactory, ProcessStepFactory
from tests.support.behaviours import business, permanent
from tests.support.console import EVERYTHING, Console, told
from tests.support.three_steps import Story
from tsq.models import TsqEntry
from tsq.operations import cancel

pytestmark = pytest.mark.django_db

XSS = "<script>alert('x')</script>"


@pytest.fixture(autouse=True)
def plain_http(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def console(db) -> Console:
    return Console(*EVERYTHING)


@pytest.fixture
def failed(story: Story) -> Process:
    """FAILED at step C, after A and B were done."""
    story.on("C", business("CLOSED", "The account is closed"))
    process = story.start(account=7)
    run_until_idle()
    return Process.objects.get(pk=process.pk)


def reload(process: Process) -> Process:
    return Process.objects.get(pk=process.pk)


class TestList:
    def test_a_process_is_shown_with_its_status_and_error(self, console, failed):
        text = console.text("processes_process_changelist")
        for shown in (str(failed.pk), "ThreeSteps", "Failed", "CLOSED", "The account is closed"):
            assert shown in text

    def test_it_is_found_by_its_whole_id_only(self, console, failed):
        other = ProcessFactory()
        text = console.text("processes_process_changelist", q=str(other.pk))
        assert str(other.pk) in text
        assert str(failed.pk) not in text
        for wanted in (str(failed.pk)[:8], "nonsense", str(uuid.uuid4())):
            assert "0 processes" in console.text("processes_process_changelist", q=wanted)

    @pytest.mark.parametrize(
        ("column", "value"),
        [("status", "FAILED"), ("process_type", "ThreeSteps"), ("domain", "test")],
    )
    def test_a_filter_narrows_the_list(self, console, failed, column, value):
        other = ProcessFactory(process_type="Other", domain="other")
        text = console.text("processes_process_changelist", **{column: value})
        assert str(failed.pk) in text
        assert str(other.pk) not in text

    def test_its_queries_do_not_grow_with_its_rows(self, console):
        ProcessFactory()
        with CaptureQueriesContext(connection) as few:
            console.text("processes_process_changelist")
        for _ in range(20):
            ProcessFactory()
        with CaptureQueriesContext(connection) as many:
            assert "21 processes" in console.text("processes_process_changelist")
        assert len(many) == len(few) < 10

    def test_it_counts_no_further_than_a_bound(self, console, monkeypatch):
        monkeypatch.setattr(readonly, "MOST_COUNTED", 2)
        for _ in range(3):
            ProcessFactory()
        with CaptureQueriesContext(connection) as queries:
            text = console.text("processes_process_changelist")
        assert "Only the first 2 are counted and listed" in text
        counts = [q["sql"] for q in queries if "COUNT(" in q["sql"]]
        assert counts
        assert all("LIMIT 2" in sql for sql in counts)


class TestPage:
    def test_the_audit_trail_is_shown_in_order(self, console, failed):
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

    def test_a_parked_step_leads_to_its_entry(self, console, story: Story):
        story.on("C", permanent())
        process = story.start()
        run_until_idle()
        entry = TsqEntry.objects.get()
        text = console.text("processes_process_change", process.pk)
        assert "In TSQ" in text
        assert f"/admin/tsq/tsqentry/{entry.pk}/change/" in text
        assert "/admin/tsq/" not in self.text_for_viewer(process)

    def text_for_viewer(self, process: Process) -> str:
        viewer = Console("processes.view_process", username="eve")
        return viewer.text("processes_process_change", process.pk)

    def test_compensations_that_failed_or_are_parked_are_shown_loudly(self, console, story: Story):
        story.on("C", permanent())
        story.on("UNDO_B", business("KEPT", "The file is kept"))
        story.on("UNDO_A", permanent("GONE", "The index is gone"))
        process = story.start()
        run_until_idle()
        cancel(TsqEntry.objects.get().pk, operator="bob", reason="customer left")
        run_until_idle()
        assert reload(process).status == ProcessStatus.COMPENSATED
        text = console.text("processes_process_change", process.pk)
        assert "2 compensations did not do their work" in text
        assert "The file is kept" in text
        assert "The index is gone" in text
        assert "customer left" in text

    def test_a_compensation_that_was_not_built_is_shown(self, console):
        process = ProcessFactory(compensated=True)
        done = ProcessStepFactory(process=process, success=True)
        ProcessStepFactory(process=process, compensates=done, not_built=True, step="undo A")
        text = console.text("processes_process_change", process.pk)
        assert "1 compensation did not do its work" in text
        assert "cannot be undone" in text

    def test_what_handlers_and_callers_say_is_escaped(self, console):
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

    @pytest.mark.parametrize("pk", ["nonsense", str(uuid.uuid4()), "17", "%00"])
    def test_an_id_that_is_none_is_not_found(self, console, pk):
        for part in ("change", "compensate"):
            response = console.client.get(f"/admin/processes/process/{pk}/{part}/", follow=True)
            assert response.status_code == 404


class TestRunCompensation:
    def test_it_asks_first_and_tells_what_is_undone_in_order(self, console, failed):
        text = console.text("processes_process_compensate", failed.pk)
        assert 0 < text.index("UNDO_B") < text.index("UNDO_A")
        assert reload(failed).status == ProcessStatus.FAILED
        assert not OperatorAction.objects.exists()

    def test_it_undoes_what_was_done(self, console, failed, story: Story):
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
    def test_it_needs_a_reason_that_can_be_kept(self, console, failed, reason):
        response = console.submit("processes_process_compensate", failed.pk, reason=reason)
        assert response.status_code == 200
        assert "reason" in response.context["form"].errors
        assert reload(failed).status == ProcessStatus.FAILED

    def test_one_compensated_meanwhile_is_left_alone(self, console, failed):
        console.submit("processes_process_compensate", failed.pk, reason="first")
        response = Console(*EVERYTHING, username="bob").submit(
            "processes_process_compensate", failed.pk, reason="second"
        )
        (message,) = told(response)
        assert message.startswith("Nothing was changed. Only a FAILED process can be compensated")
        assert "compensate by ann" in message
        assert OperatorAction.objects.count() == 1

    def test_a_type_this_code_does_not_know_is_refused(self, console, failed):
        Process.objects.filter(pk=failed.pk).update(process_type="Elsewhere")
        assert "cannot be told here" in console.text("processes_process_compensate", failed.pk)
        (message,) = told(console.submit("processes_process_compensate", failed.pk, reason="x"))
        assert "Unknown process type 'Elsewhere'" in message
        assert reload(failed).status == ProcessStatus.FAILED

    def test_the_button_is_there_only_for_failed_processes(self, console, failed):
        path = f"/admin/processes/process/{failed.pk}/compensate/"
        assert path in console.text("processes_process_change", failed.pk)
        console.submit("processes_process_compensate", failed.pk, reason="x")
        assert path not in console.text("processes_process_change", failed.pk)


class TestPermissions:
    def paths(self, process: Process) -> list[str]:
        base = "/admin/processes/process/"
        return [base, f"{base}{process.pk}/change/", f"{base}{process.pk}/compensate/"]

    def assert_kept(self, process: Process) -> None:
        assert reload(process).status == ProcessStatus.FAILED
        assert not OperatorAction.objects.exists()

    def test_somebody_not_logged_in_is_asked_to_log_in(self, failed):
        for path in self.paths(failed):
            for response in (Client().get(path), Client().post(path, {"reason": "x"})):
                assert response.url.startswith("/admin/login/?next=")
        self.assert_kept(failed)

    @pytest.mark.parametrize("permissions", [(), ("processes.compensate_process",)])
    def test_without_the_view_permission_nothing_is_seen_or_done(self, failed, permissions):
        client = Console(*permissions).client
        for path in self.paths(failed):
            assert client.get(path).status_code == 403
            assert client.post(path, {"reason": "x"}).status_code in (403, 405)
        self.assert_kept(failed)

    def test_compensating_needs_its_own_permission(self, failed):
        console = Console(*set(EVERYTHING) - {"processes.compensate_process"})
        path = self.paths(failed)[-1]
        assert console.client.get(path).status_code == 403
        assert console.client.post(path, {"reason": "x"}).status_code == 403
        assert path not in console.text("processes_process_change", failed.pk)
        self.assert_kept(failed)

    def test_it_needs_the_csrf_token(self, console, failed):
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = console.client.cookies
        assert strict.post(self.paths(failed)[-1], {"reason": "x"}).status_code == 403
        self.assert_kept(failed)

    def test_nothing_can_be_added_changed_or_deleted(self, failed, django_user_model):
        boss = Client()
        boss.force_login(django_user_model.objects.create_superuser("boss"))
        base = "/admin/processes/process/"
        for path in ("add/", f"{failed.pk}/delete/", f"{failed.pk}/history/"):
            assert boss.get(base + path).status_code == 404
        assert boss.post(f"{base}{failed.pk}/change/", {"domain": "x"}).status_code == 405
        data = {"action": "delete_selected", "index": "0", "_selected_action": str(failed.pk)}
        boss.post(base, data | {"post": "yes"})
        self.assert_kept(failed)

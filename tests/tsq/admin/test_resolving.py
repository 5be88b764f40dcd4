"""One entry: each action asks first, then does what it says, or refuses and says why."""

import pytest
from django.test import Client

from processes.bus.models import Command, Reply
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.support.behaviours import permanent
from tests.support.console import told
from tests.support.three_steps import Story
from tsq import operations
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db

VERBS = ("retry", "complete", "cancel")


def chosen(entry) -> str:
    return f"{entry.pk}:{entry.deliveries}"


def submit(console, verb, entry, **answers):
    return console.submit(f"tsq_tsqentry_{verb}", chosen=chosen(entry), **answers)


def status_after_work(process: Process) -> str:
    run_until_idle()
    return Process.objects.get(pk=process.pk).status


class TestAsking:
    @pytest.mark.parametrize("verb", VERBS)
    def test_the_confirmation_page_names_the_entry_and_changes_nothing(self, console, entry, verb):
        before = list(Command.objects.order_by("pk").values())
        text = console.text(f"tsq_tsqentry_ask_{verb}", entry.pk)
        assert str(entry.pk) in text
        assert "No space left" in text
        assert f'value="{chosen(entry)}"' in text
        assert list(Command.objects.order_by("pk").values()) == before
        assert not OperatorAction.objects.exists()

    def test_the_form_carries_the_csrf_token(self, console, entry):
        _, form = console.text("tsq_tsqentry_ask_retry", entry.pk).split(
            '<form method="post" action'
        )
        assert "csrfmiddlewaretoken" in form

    def test_cancel_tells_what_will_be_undone_in_order(self, console, entry):
        text = console.text("tsq_tsqentry_ask_cancel", entry.pk)
        assert 0 < text.index("UNDO_B") < text.index("UNDO_A")

    def test_cancel_tells_so_when_this_code_does_not_know_the_process(
        self, console, entry, process
    ):
        Process.objects.filter(pk=process.pk).update(process_type="Elsewhere")
        text = console.text("tsq_tsqentry_ask_cancel", entry.pk)
        assert "cannot be told here. Unknown process type" in text

    def test_cancel_of_a_compensation_starts_nothing_else(self, console, story: Story, entry):
        story.on("UNDO_B", permanent())
        operations.cancel(entry.pk, operator="bob", reason="no use")
        run_until_idle()
        text = console.text("tsq_tsqentry_ask_cancel", TsqEntry.objects.get().pk)
        assert "it is a compensation itself" in text
        assert "UNDO_A" not in text

    @pytest.mark.parametrize("verb", VERBS)
    def test_an_entry_that_moved_on_leads_to_its_page(self, console, entry, verb):
        operations.cancel(entry.pk, operator="bob", reason="no use")
        response = console.client.get(f"/admin/tsq/tsqentry/{entry.pk}/{verb}/", follow=True)
        assert "no longer in the TSQ" in response.content.decode()
        assert "cancel by <strong>bob</strong>" in response.content.decode()


class TestDoing:
    def test_retry_lets_the_process_go_on(self, console, entry, process, story: Story):
        response = submit(console, "retry", entry, note="disk cleaned")
        assert told(response) == ["1 retried"]
        assert status_after_work(process) == ProcessStatus.COMPLETED
        assert story.steps_run == ["A", "B", "C", "C"]

    def test_complete_gives_the_process_the_result(self, console, entry, process, story: Story):
        response = submit(console, "complete", entry, result_data='{"file": "é.html"}')
        assert told(response) == ["1 completed"]
        assert status_after_work(process) == ProcessStatus.COMPLETED
        assert story.steps_run == ["A", "B", "C"]
        state = Process.objects.get(pk=process.pk).state
        assert state["results"]["C"] == {"file": "é.html"}

    def test_complete_needs_no_result(self, console, entry, process):
        submit(console, "complete", entry, result_data="")
        assert Reply.objects.get(command=entry, outcome="SUCCESS").data is None
        assert status_after_work(process) == ProcessStatus.COMPLETED

    def test_cancel_lets_the_process_compensate(self, console, entry, process, story: Story):
        response = submit(console, "cancel", entry, reason="customer left")
        assert told(response) == ["1 canceled"]
        assert status_after_work(process) == ProcessStatus.COMPENSATED
        assert story.steps_run == ["A", "B", "C", "UNDO_B", "UNDO_A"]

    @pytest.mark.parametrize(
        ("verb", "answers", "reason"),
        [
            ("retry", {"note": "disk cleaned"}, "disk cleaned"),
            ("complete", {"note": "by hand"}, "by hand"),
            ("cancel", {"reason": "customer left"}, "customer left"),
        ],
    )
    def test_the_audit_names_who_through_what_and_why(self, console, entry, verb, answers, reason):
        submit(console, verb, entry, **answers)
        action = OperatorAction.objects.get()
        assert (action.command_id, action.action) == (entry.pk, verb)
        assert (action.operator, action.channel, action.reason) == ("ann", "admin", reason)
        assert action.request_id


class TestRefusing:
    @pytest.mark.parametrize("verb", VERBS)
    def test_an_entry_resolved_meanwhile_is_left_alone(self, console, entry, verb):
        operations.complete(entry.pk, operator="bob")
        before = Command.objects.filter(pk=entry.pk).values().get()
        (message,) = told(submit(console, verb, entry, reason="x"))
        assert message.startswith("1 skipped: The command is no longer in the TSQ; it is COMPLETED")
        assert "complete by bob" in message
        assert Command.objects.filter(pk=entry.pk).values().get() == before
        assert OperatorAction.objects.count() == 1

    def test_an_entry_parked_anew_since_it_was_shown_is_left_alone(
        self, console, entry, story: Story
    ):
        story.on("C", permanent("OTHER", "another error"))
        operations.retry(entry.pk, operator="bob")
        run_until_idle()
        (message,) = told(submit(console, "cancel", entry, reason="customer left"))
        assert "parked anew since you looked" in message
        assert TsqEntry.objects.filter(pk=entry.pk).exists()

    @pytest.mark.parametrize("reason", ["", "  \n\t "])
    def test_cancel_needs_a_reason(self, console, entry, reason):
        response = submit(console, "cancel", entry, reason=reason)
        assert response.status_code == 200
        assert response.context["form"].errors == {"reason": ["This field is required."]}
        assert f'value="{chosen(entry)}"' in response.content.decode()
        assert TsqEntry.objects.filter(pk=entry.pk).exists()

    def test_an_action_needs_the_csrf_token(self, console, entry):
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = console.client.cookies
        response = strict.post("/admin/tsq/tsqentry/retry/", {"chosen": chosen(entry)})
        assert response.status_code == 403
        assert TsqEntry.objects.filter(pk=entry.pk).exists()

    def test_the_url_that_acts_does_nothing_when_opened(self, console, entry):
        response = console.page("tsq_tsqentry_retry", chosen=chosen(entry))
        assert (response.status_code, response.url) == (302, "/admin/tsq/tsqentry/")
        assert told(response) == []
        assert TsqEntry.objects.filter(pk=entry.pk).exists()

"""What the list and the page of an entry show, and that showing stays cheap."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.worker import run_until_idle
from tests.factories import CommandFactory
from tests.support.behaviours import permanent, transient
from tests.support.console import Console
from tests.support.three_steps import Story
from tsq import operations
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db

XSS = "<script>alert('x')</script>"


def queries_of(console, name: str, *args) -> int:
    with CaptureQueriesContext(connection) as queries:
        console.text(name, *args)
    return len(queries)


class TestList:
    def test_an_entry_is_shown_with_its_error_and_its_process(self, console, entry, process):
        text = console.text("tsq_tsqentry_changelist")
        for shown in (str(entry.pk), "DISK_FULL", "No space left", "1 of 3", "Waiting for TSQ"):
            assert shown in text
        assert f"/admin/processes/process/{process.pk}/change/" in text

    def test_a_command_of_no_process_is_shown(self, console):
        entry = CommandFactory(parked=True)
        assert str(entry.pk) in console.text("tsq_tsqentry_changelist")

    def test_only_parked_commands_are_listed(self, console, entry):
        operations.retry(entry.pk, operator="bob")
        assert "0 TSQ entries" in console.text("tsq_tsqentry_changelist")

    def test_it_is_found_by_its_id_or_its_process(self, console, entry, process):
        CommandFactory(parked=True)
        for wanted in (entry.pk, process.pk, f" {entry.pk} "):
            text = console.text("tsq_tsqentry_changelist", search=str(wanted))
            assert "1 TSQ entry" in text
            assert str(entry.pk) in text

    @pytest.mark.parametrize(
        ("column", "value"),
        [("domain", "other"), ("command_type", "Other"), ("last_error_code", "OTHER")],
    )
    def test_a_filter_narrows_the_list(self, console, entry, column, value):
        other = CommandFactory(parked=True, **{column: value})
        word = column.removeprefix("last_").removeprefix("command_")
        text = console.text("tsq_tsqentry_changelist", **{word: value})
        assert str(other.pk) in text
        assert str(entry.pk) not in text

    def test_its_queries_do_not_grow_with_its_rows(self, console, entry, story: Story):
        few = queries_of(console, "tsq_tsqentry_changelist")
        story.on("C", permanent())
        story.start_many(20)
        run_until_idle()
        assert TsqEntry.objects.count() == 21
        assert queries_of(console, "tsq_tsqentry_changelist") == few < 12

    def test_the_payload_is_not_read(self, console, entry):
        with CaptureQueriesContext(connection) as queries:
            console.text("tsq_tsqentry_changelist")
        assert not [q["sql"] for q in queries if '"bus_command"."data"' in q["sql"]]


class TestPage:
    def test_it_shows_every_attempt_with_its_traceback(self, console, story: Story, clock):
        story.on("A", transient("BUSY", "try later", {"queue": 7}))
        story.start()
        for _ in range(3):
            run_until_idle()
            clock.advance(400)
        text = console.text("tsq_tsqentry_change", TsqEntry.objects.get().pk)
        assert [f"attempt {number}" in text for number in (1, 2, 3, 4)] == [True] * 3 + [False]
        assert text.count("Traceback (most recent call last)") == 3
        assert text.count("TransientCommandError: BUSY: try later") == 3
        assert "&quot;queue&quot;: 7" in text

    def test_it_shows_the_payload_and_the_process(self, console, entry, process):
        text = console.text("tsq_tsqentry_change", entry.pk)
        assert "&quot;did&quot;: &quot;B&quot;" in text
        assert f"/admin/processes/process/{process.pk}/change/" in text
        assert "Waiting for TSQ" in text

    def test_it_shows_earlier_operator_actions(self, console, entry, story: Story):
        story.on("C", permanent())
        operations.retry(entry.pk, operator="bob", note="disk cleaned")
        run_until_idle()
        text = console.text("tsq_tsqentry_change", entry.pk)
        assert "bob" in text
        assert "disk cleaned" in text
        assert f"/admin/tsq/tsqentry/{entry.pk}/retry/" in text

    def test_one_that_moved_on_tells_who_did_what_and_offers_nothing(self, console, entry):
        operations.cancel(entry.pk, operator="bob", reason="no use")
        text = console.text("tsq_tsqentry_change", entry.pk)
        assert "no longer in the TSQ" in text
        assert "cancel by <strong>bob</strong>" in text
        assert f"/admin/tsq/tsqentry/{entry.pk}/retry/" not in text

    def test_a_command_that_was_never_parked_has_no_page(self, console):
        response = console.page("tsq_tsqentry_change", CommandFactory(completed=True).pk)
        assert response.status_code == 404

    def test_a_process_one_may_not_view_is_no_link(self, entry, process):
        console = Console("tsq.view_tsqentry")
        text = console.text("tsq_tsqentry_change", entry.pk)
        assert str(process.pk) in text
        assert f"/admin/processes/process/{process.pk}/change/" not in text


@pytest.mark.parametrize(
    "name", ["changelist", "change", "ask_retry", "ask_complete", "ask_cancel"]
)
def test_what_handlers_say_is_escaped(console, name):
    entry = CommandFactory(
        parked=True,
        command_type=XSS,
        domain=XSS,
        data={"note": XSS},
        last_error_code=XSS,
        last_error_message=XSS,
    )
    text = console.text(f"tsq_tsqentry_{name}", *([] if name == "changelist" else [entry.pk]))
    assert XSS not in text
    assert "&lt;script&gt;alert(" in text


def test_a_script_in_a_traceback_is_escaped(console, story: Story):
    story.on("A", permanent("X", XSS, {"html": XSS}))
    story.start()
    run_until_idle()
    text = console.text("tsq_tsqentry_change", TsqEntry.objects.get().pk)
    assert XSS not in text
    assert "PermanentCommandError: X: &lt;script&gt;" in text

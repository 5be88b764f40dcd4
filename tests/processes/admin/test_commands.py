"""The list and the page of commands: what they show, how one is found, and to whom."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.admin import command_list
from processes.admin.commands import CommandAdmin
from processes.bus.clock import BusNow
from processes.bus.models import Command
from processes.bus.states import EventType
from processes.models import DomainLimit, Process
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory, OperatorActionFactory, ReplyFactory
from tests.support.behaviours import permanent
from tests.support.console import EVERYTHING, Console, told
from tests.support.three_steps import Story
from tsq import operations

pytestmark = pytest.mark.django_db

LIST, PAGE = "bus_command_changelist", "bus_command_change"


@pytest.fixture
def command(failed: Process) -> Command:
    """The one whose handler refused."""
    return Command.objects.get(correlation_id=failed.pk, last_error_code="CLOSED")


@pytest.fixture
def canceled(story: Story) -> Command:
    story.on("C", permanent("DISK_FULL", "No space left"))
    process = story.start(customer=7)
    run_until_idle()
    entry = Command.objects.parked().get(correlation_id=process.id)
    operations.cancel(entry.pk, operator="bob", reason="The customer left")
    run_until_idle()
    return Command.objects.get(pk=entry.pk)


def limited_to(domain: str, *permissions: str) -> Console:
    console = Console(*permissions, username="eve")
    DomainLimit.objects.create(user_id=console.client.session["_auth_user_id"], domain=domain)
    return console


def test_a_command_is_listed_with_its_status_error_and_process(console, command, failed):
    text = console.text(LIST)
    for shown in (str(command.pk), "Failed", "CLOSED", "The account is closed", "1 of 3"):
        assert shown in text
    assert text.count(f'href="/admin/processes/process/{failed.pk}/change/"') == 3
    assert "3 commands" in text


def test_a_command_of_no_process_links_to_none(console):
    CommandFactory()
    CommandFactory(correlation_id=None)
    text = console.text(LIST)
    assert "2 commands" in text
    assert "/admin/processes/process/" not in text.split('id="result_list"')[1].split("</table>")[0]


FOUND_BY = {
    "status": "FAILED",
    "domain": "test",
    "type": "C",
    "error_code": "CLOSED",
    "older_than": "1h",
    "created_before": "2001-01-01T00:00",
    "waiting_for_code": "false",
    "reply_to": "processes",
    "q": "account is closed",
}


@pytest.mark.parametrize(("word", "value"), FOUND_BY.items())
def test_a_filter_narrows_the_list(console, command, word, value):
    other = CommandFactory(domain="other", handler_missing_since=BusNow())
    Command.objects.filter(pk=command.pk).update(created_at="2000-06-01T00:00Z")
    text = console.text(LIST, **{word: value})
    assert str(command.pk) in text
    assert str(other.pk) not in text


def test_times_and_ids_narrow_it_as_well(console, clock):
    old = CommandFactory(completed=True)
    CommandEventFactory(command=old, type=EventType.PARKED)
    clock.advance(60)
    new = CommandFactory(completed=True)
    CommandEventFactory(command=new, type=EventType.PARKED)
    moment = new.created_at.isoformat()
    for words in (
        {"created_after": moment},
        {"completed_after": moment, "status": "COMPLETED"},
        {"parked_after": moment},
        {"id": str(new.pk)},
        {"correlation_id": str(new.correlation_id)},
        {"q": str(new.pk)},
    ):
        text = console.text(LIST, **words)
        assert "1 command" in text
        assert str(new.pk) in text


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("status", "NONE"),
        ("waiting_for_code", "perhaps"),
        ("completed_after", "yesterday"),
        ("parked_after", "9999-99-99"),
        ("correlation_id", "17"),
        ("reply_to", "\x00"),
        ("q", "x" * 201),
    ],
)
def test_a_value_that_will_not_do_is_told_and_matches_nothing(console, command, word, value):
    response = console.page(LIST, **{word: value})
    assert response.status_code == 200
    assert "0 commands" in response.content.decode()
    (message,) = told(response)
    assert message.startswith(("search" if word == "q" else word).replace("_", " "))


@pytest.mark.parametrize("lookup", ["data__account", "created_at__year", "command_type"])
def test_only_what_the_filters_offer_can_be_asked_for(console, command, lookup):
    assert console.page(LIST, **{lookup: "7"}).status_code == 400


def test_its_queries_do_not_grow_and_no_payload_is_read(console, story: Story):
    story.start()
    run_until_idle()
    with CaptureQueriesContext(connection) as few:
        console.text(LIST)
    story.start_many(10)
    run_until_idle()
    with CaptureQueriesContext(connection) as many:
        assert "33 commands" in console.text(LIST)
    assert len(many) == len(few) < 12
    assert not [q["sql"] for q in many if '"data"' in q["sql"] or '"state"' in q["sql"]]


def test_it_lists_no_more_than_a_bound_and_searches_once(console, monkeypatch):
    monkeypatch.setattr(command_list, "MOST_COUNTED", 2)
    rows = CommandFactory.create_batch(3)
    with CaptureQueriesContext(connection) as queries:
        text = console.text(LIST, domain="test")
    assert "Only the first 2 are counted and listed" in text
    assert text.index(str(rows[2].pk)) < text.index(str(rows[1].pk))
    assert str(rows[0].pk) not in text
    searches = [q["sql"] for q in queries if '"domain" = ' in q["sql"]]
    assert len(searches) == 1
    assert "LIMIT 2" in searches[0]


def test_it_has_pages(console, monkeypatch):
    monkeypatch.setattr(CommandAdmin, "list_per_page", 2)
    rows = CommandFactory.create_batch(3)
    assert "3 commands" in console.text(LIST)
    text = console.text(LIST, p="2")
    assert str(rows[0].pk) in text
    assert str(rows[1].pk) not in text
    assert console.page(LIST, p="99").status_code == 200


def test_the_page_shows_all_that_happened(console, canceled):
    text = console.text(PAGE, canceled.pk)
    for shown in ("DISK_FULL", "No space left", "Sent", "Parked", "Operator: cancel"):
        assert shown in text
    replies = re.search(r'aria-label="Replies".*?</table>', text, re.DOTALL)
    assert replies
    assert replies[0].index("Parked") < replies[0].index("Canceled")
    actions = re.search(r'aria-label="Operator actions".*?</table>', text, re.DOTALL)
    assert actions
    assert "The customer left" in actions[0]
    assert f'href="/admin/tsq/tsqentry/{canceled.pk}/change/"' in text
    assert f'href="/admin/processes/process/{canceled.correlation_id}/change/"' in text


def test_the_page_of_one_that_was_never_parked_leads_to_no_entry(console, command):
    text = console.text(PAGE, command.pk)
    assert "The account is closed" in text
    assert "/admin/tsq/tsqentry/" not in text.split('id="content-main"')[1]


def test_the_page_tells_what_is_due_and_what_lacks_code(console):
    waiting = CommandFactory(handler_missing_since=BusNow(), correlation_id=None)
    running = CommandFactory(in_progress=True, edited_data={"mended": "so"}, data={"<b>": 1})
    text = console.text(PAGE, waiting.pk)
    assert "waiting for code since" in text
    assert "Due" in text
    text = console.text(PAGE, running.pk)
    assert "Lease ends" in text
    assert "mended" in text
    assert str(running.correlation_id) in text
    assert "&lt;b&gt;" in text


def test_the_page_shows_what_was_done_to_its_replies(console):
    reply = ReplyFactory(stuck=True, data={"total": 3})
    OperatorActionFactory(command=None, reply=reply, action="give_up", reason="Never mind")
    text = console.text(PAGE, reply.command_id)
    for shown in ("Never mind", "Give up", "the manager raised", "5 tries", "not yet", "total"):
        assert shown in text


def test_a_page_takes_few_queries(console, canceled):
    with CaptureQueriesContext(connection) as queries:
        console.text(PAGE, canceled.pk)
    assert len(queries) < 12


def test_links_lead_only_where_one_may_look(canceled):
    text = Console("bus.view_command").text(PAGE, canceled.pk)
    assert "/admin/tsq/" not in text
    assert "/admin/processes/" not in text
    text = Console("bus.view_command", username="eve").text(LIST)
    assert "/admin/processes/" not in text


def test_other_domains_are_as_if_they_were_not(canceled):
    hidden = CommandFactory(domain="elsewhere")
    mine = CommandFactory(correlation_id=canceled.correlation_id, domain="mine")
    limited = limited_to("mine", *EVERYTHING)
    text = limited.text(LIST)
    assert "1 command" in text
    assert "/admin/processes/process/" not in text.split('id="result_list"')[1].split("</table>")[0]
    assert "ThreeSteps" not in limited.text(PAGE, mine.pk)
    for pk in (hidden.pk, canceled.pk, uuid.uuid4()):
        assert limited.page(PAGE, pk).status_code == 404
        assert "0 commands" in limited.text(LIST, id=str(pk))


def test_it_needs_its_own_permission_and_is_only_read(command):
    console = Console(*set(EVERYTHING) - {"bus.view_command"})
    assert console.page(LIST).status_code == console.page(PAGE, command.pk).status_code == 403
    allowed = Console("bus.view_command", username="eve")
    assert allowed.submit(PAGE, command.pk, domain="other").status_code == 405
    for path in ("add", f"{command.pk}/delete", f"{command.pk}/history"):
        assert allowed.client.get(f"/admin/bus/command/{path}/").status_code == 404

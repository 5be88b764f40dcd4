"""The dashboard on the first page: to each what they may see, with links, cheap and renewable."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from processes.bus.clock import BusNow
from processes.bus.states import EventType
from processes.heartbeat import WorkerHeartbeat
from processes.models import DomainLimit
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory, ProcessFactory, ReplyFactory
from tests.support.behaviours import permanent
from tests.support.console import EVERYTHING, Console, told
from tests.support.three_steps import Story

pytestmark = pytest.mark.django_db

FRAGMENT = "processes_process_dashboard"


def figure(text: str, key: str) -> str:
    """The number of the link with this key."""
    (found,) = re.findall(rf'data-key="{key}">(?:<span class="number">)?(\S+?)<', text)
    return found


@pytest.fixture
def busy(story: Story, clock) -> None:
    """An entry two hours old, a stuck reply, and commands without code."""
    story.on("A", permanent())
    story.start()
    run_until_idle()
    ReplyFactory(stuck=True)
    CommandFactory(command_type="Unheard", handler_missing_since=BusNow())
    clock.advance(2 * 3600)


def test_it_stands_above_the_app_list(console, busy):
    text = console.text("index")
    assert text.index('id="dashboard"') < text.index("app-processes")
    assert figure(text, "entries") == "1"
    assert figure(text, "stuck") == "1"
    assert figure(text, "WAITING_FOR_TSQ") == "1"
    assert figure(text, "FAILED") == "0"
    assert "waiting for 2 h" in text
    assert "Unheard" in text
    assert "New entries in each of the last 24 hours: 1 in all" in text


def test_every_number_of_processes_leads_to_as_many(console, failed):
    ProcessFactory.create_batch(2)
    ProcessFactory(completed=True)
    links = re.findall(r'href="([^"]+\?status=[^"]+)" data-key="(\w+)"', console.text(FRAGMENT))
    assert len(links) == 7
    for link, status in links:
        listed = console.client.get(link.replace("&amp;", "&"))
        assert listed.status_code == 200
        shown = listed.context["cl"].result_count
        assert str(shown) == figure(console.text(FRAGMENT), status)


def test_every_other_number_leads_to_its_list(console, busy):
    CommandFactory(completed=True)
    CommandFactory(domain="a&b", command_type="Unheard", handler_missing_since=BusNow())
    WorkerHeartbeat.objects.create(host="here", pid=1, workers=3)
    text = console.text(FRAGMENT)
    expected = {"arrivals": 1, "per-minute": 2, "test/Unheard": 1, "a&amp;b/Unheard": 1}
    for key, number in (expected | {"workers": 1}).items():
        (link,) = re.findall(rf'href="([^"]+)" data-key="{key}"', text)
        listed = console.client.get(link.replace("&amp;", "&"))
        assert listed.status_code == 200
        assert listed.context["cl"].result_count == number
        assert not told(listed)


def test_a_number_leads_nowhere_one_may_not_look(busy):
    CommandEventFactory(command=CommandFactory(completed=True), type=EventType.COMPLETED)
    WorkerHeartbeat.objects.create(host="here", pid=1, workers=3)
    hidden = {"bus.view_command", "processes.view_workerheartbeat"}
    text = Console(*set(EVERYTHING) - hidden).text(FRAGMENT)
    assert "New in the TSQ" in text
    assert "Unheard" in text
    assert "/admin/bus/" not in text
    assert "/admin/processes/workerheartbeat/" not in text


def test_work_without_workers_is_told_plainly(console, story: Story, clock):
    assert "no worker runs" not in console.text(FRAGMENT)
    story.start()
    clock.advance(300)
    text = console.text(FRAGMENT)
    assert "Work is due and no worker runs." in text
    assert "waiting for 5 min" in text
    WorkerHeartbeat.objects.create(host="<here>", pid=1, workers=3)
    text = console.text(FRAGMENT)
    assert "no worker runs" not in text
    assert "alive on &lt;here&gt;" in text


@pytest.mark.parametrize(
    ("permission", "shown"),
    [
        ("processes.view_process", "Processes by status"),
        ("tsq.view_tsqentry", "Open TSQ entries"),
        ("tsq.view_stuckreply", "Stuck replies"),
    ],
)
def test_each_permission_shows_its_own_part(busy, permission, shown):
    text = Console(permission).text(FRAGMENT)
    parts = ("Processes by status", "Open TSQ entries", "Stuck replies")
    assert [part for part in parts if part in text] == [shown]
    assert ("Unheard" in text) == (permission == "processes.view_process")


def test_who_may_see_nothing_of_it_sees_none(busy):
    console = Console()
    assert 'id="dashboard"' not in console.text("index")
    assert console.page(FRAGMENT).status_code == 403


def test_it_is_only_for_those_logged_in_and_only_read(console):
    path = "/admin/processes/process/dashboard/"
    assert Client().get(path).url.startswith("/admin/login/")
    assert console.client.post(path).status_code == 405
    assert "no-store" in console.client.get(path)["Cache-Control"]


def test_nothing_of_other_domains_is_told(busy):
    limited = Console(*EVERYTHING)
    DomainLimit.objects.create(user_id=limited.client.session["_auth_user_id"], domain="mine")
    ProcessFactory(domain="mine")
    text = limited.text(FRAGMENT)
    assert (figure(text, "entries"), figure(text, "stuck")) == ("0", "0")
    assert figure(text, "WAITING_FOR_TSQ") == "0"
    assert figure(text, "WAITING_FOR_REPLY") == "1"
    assert "Unheard" not in text
    assert "Only your domains: mine." in text


def test_it_takes_few_queries(console, busy):
    WorkerHeartbeat.objects.create(host="here", pid=1, workers=3)
    for name in ("index", FRAGMENT):
        with CaptureQueriesContext(connection) as queries:
            console.text(name)
        assert len(queries) < 12


def test_numbers_in_its_drawing_are_plain(console, busy):
    spark = re.search(r'<svg class="spark".*?</svg>', console.text(FRAGMENT), re.DOTALL)
    assert spark
    assert len(re.findall(r'<rect x="\d+" y="[\d.]+" width="8" height="[\d.]+">', spark[0])) == 24

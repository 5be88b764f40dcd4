"""The list of processes: what it shows, how one is found, and that it stays cheap."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.admin import readonly
from processes.models import DomainLimit, Process
from tests.factories import ProcessFactory
from tests.support.console import Console, told

pytestmark = pytest.mark.django_db


def test_a_process_is_shown_with_its_status_and_error(console, failed):
    text = console.text("processes_process_changelist")
    for shown in (str(failed.pk), "ThreeSteps", "Failed", "CLOSED", "The account is closed"):
        assert shown in text


def test_it_is_found_by_its_whole_id_or_part_of_its_error(console, failed):
    other = ProcessFactory()
    for wanted, found, not_found in (
        (str(other.pk), other, failed),
        ("account is cl", failed, other),
        ("closed", failed, other),
    ):
        text = console.text("processes_process_changelist", q=wanted)
        assert str(found.pk) in text
        assert str(not_found.pk) not in text
    for wanted in (str(failed.pk)[:8], "nonsense", str(uuid.uuid4())):
        assert "0 processes" in console.text("processes_process_changelist", q=wanted)


FOUND_BY = {
    "status": "FAILED",
    "type": "ThreeSteps",
    "domain": "test",
    "step": "C",
    "error_code": "CLOSED",
    "older_than": "1h",
    "created_before": "2001-01-01T00:00",
    "id": "11111111-1111-1111-1111-111111111111",
}


@pytest.mark.parametrize(("word", "value"), FOUND_BY.items())
def test_a_filter_narrows_the_list(console, failed, word, value):
    other = ProcessFactory(process_type="Other", domain="other", current_step="B")
    Process.objects.filter(pk=failed.pk).update(created_at="2000-06-01T00:00Z")
    if word == "id":
        value = str(failed.pk)
    text = console.text("processes_process_changelist", **{word: value})
    assert str(failed.pk) in text
    assert str(other.pk) not in text


def test_filters_and_search_go_together(console, failed):
    asked = {"created_after": "2001-01-01T00:00+00:00", "status": "FAILED", "q": "closed"}
    assert str(failed.pk) in console.text("processes_process_changelist", **asked)
    text = console.text("processes_process_changelist", **asked | {"step": "A"})
    assert str(failed.pk) not in text
    assert '<input type="hidden" name="status" value="FAILED">' in text
    assert 'name="created_after" value="2001-01-01T00:00"' in text


def test_statuses_are_offered_with_their_counts(console, failed):
    ProcessFactory.create_batch(3)
    text = console.text("processes_process_changelist")
    assert "Failed (1)" in text
    assert "Waiting for reply (3)" in text
    assert "Completed (0)" in text


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("status", "NONE"),
        ("status", "IN_PROGRESS"),
        ("older_than", "long"),
        ("created_after", "yesterday"),
        ("created_before", "9999-99-99"),
        ("id", "17"),
        ("domain", "\x00"),
        ("step", "x" * 201),
        ("q", "x" * 201),
    ],
)
def test_a_value_that_will_not_do_is_told_and_matches_nothing(console, failed, word, value):
    response = console.page("processes_process_changelist", **{word: value})
    assert response.status_code == 200
    assert "0 processes" in response.content.decode()
    (message,) = told(response)
    assert message.startswith(("search" if word == "q" else word).replace("_", " "))


@pytest.mark.parametrize("query", [{"domain": "none"}, {"type": "x"}, {"step": "%"}])
def test_an_unknown_value_matches_nothing(console, failed, query):
    assert "0 processes" in console.text("processes_process_changelist", **query)


def test_its_queries_do_not_grow_with_its_rows(console):
    ProcessFactory()
    with CaptureQueriesContext(connection) as few:
        console.text("processes_process_changelist")
    for _ in range(20):
        ProcessFactory()
    with CaptureQueriesContext(connection) as many:
        assert "21 processes" in console.text("processes_process_changelist")
    assert len(many) == len(few) < 12


def test_it_counts_no_further_than_a_bound(console, monkeypatch):
    monkeypatch.setattr(readonly, "MOST_COUNTED", 2)
    for _ in range(3):
        ProcessFactory()
    with CaptureQueriesContext(connection) as queries:
        text = console.text("processes_process_changelist")
    assert "Only the first 2 are counted and listed" in text
    counts = [q["sql"] for q in queries if "COUNT(" in q["sql"]]
    assert counts
    assert all("LIMIT 2" in sql for sql in counts)


@pytest.mark.parametrize("lookup", ["data__account", "created_at__year", "error_message"])
def test_only_what_the_filters_offer_can_be_asked_for(console, failed, lookup):
    assert console.page("processes_process_changelist", **{lookup: "7"}).status_code == 400


def test_types_and_domains_of_others_are_not_offered(failed):
    limited = Console("processes.view_process")
    limit = DomainLimit(user_id=limited.client.session["_auth_user_id"], domain="mine")
    limit.save()
    text = limited.text("processes_process_changelist")
    assert "ThreeSteps" not in text
    assert "?domain=mine" in text
    DomainLimit.objects.filter(pk=limit.pk).update(domain="test")
    assert "?type=ThreeSteps" in limited.text("processes_process_changelist")

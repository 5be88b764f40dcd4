"""The list of processes: what it shows, how one is found, and that it stays cheap."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.admin import readonly
from tests.factories import ProcessFactory

pytestmark = pytest.mark.django_db


def test_a_process_is_shown_with_its_status_and_error(console, failed):
    text = console.text("processes_process_changelist")
    for shown in (str(failed.pk), "ThreeSteps", "Failed", "CLOSED", "The account is closed"):
        assert shown in text


def test_it_is_found_by_its_whole_id_only(console, failed):
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
def test_a_filter_narrows_the_list(console, failed, column, value):
    other = ProcessFactory(process_type="Other", domain="other")
    text = console.text("processes_process_changelist", **{column: value})
    assert str(failed.pk) in text
    assert str(other.pk) not in text


def test_its_queries_do_not_grow_with_its_rows(console):
    ProcessFactory()
    with CaptureQueriesContext(connection) as few:
        console.text("processes_process_changelist")
    for _ in range(20):
        ProcessFactory()
    with CaptureQueriesContext(connection) as many:
        assert "21 processes" in console.text("processes_process_changelist")
    assert len(many) == len(few) < 10


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


@pytest.mark.parametrize("query", [{"status": "NONE"}, {"domain": "\x00"}, {"process_type": "x"}])
def test_an_unknown_filter_value_matches_nothing(console, failed, query):
    assert "0 processes" in console.text("processes_process_changelist", **query)


@pytest.mark.parametrize("lookup", ["data__account", "created_at__year", "error_message"])
def test_only_what_the_filters_offer_can_be_asked_for(console, failed, lookup):
    assert console.page("processes_process_changelist", **{lookup: "7"}).status_code == 400

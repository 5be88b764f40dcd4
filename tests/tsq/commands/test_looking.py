"""``tsq list``, ``groups``, ``show`` and ``operations``: what there is, for people and scripts."""

import csv
import uuid

import pytest

from tests.factories import CommandFactory
from tests.scenarios.acting import start_and_park_at
from tests.scenarios.reading import entry_of
from tests.support.commands import manage
from tsq import care, operations
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db


def ids(ran) -> list[str]:
    return [row["id"] for row in ran.rows]


def test_the_list_has_each_entry_the_oldest_first(billing, others):
    ran = manage("tsq", "list", "--format", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ids(ran) == [str(entry.pk) for entry in [*billing, *others]]
    assert ran.rows[0]["error_code"] == "DECLINED"
    assert ran.rows[0]["claimed_by"] is None


def test_it_names_process_and_claim(story):
    process = start_and_park_at(story, "B")
    care.claim(entry_of(process).pk, operator="ann")
    (row,) = manage("tsq", "list", "--format", "json").rows
    assert (row["process"], row["process_status"]) == (str(process.pk), "WAITING_FOR_TSQ")
    assert row["claimed_by"] == "ann"


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--domain", "billing"], 3),
        (["--type", "Test"], 5),
        (["--error-code", "BROKEN"], 2),
        (["--fingerprint", "d" * 32], 3),
        (["--older-than", "2h"], 0),
        (["--claimed-by", "nobody"], 5),
        (["--claimed-by", "me", "--operator", "ann"], 0),
        (["--domain", "billing", "--limit", "2"], 2),
    ],
    ids=str,
)
def test_the_shared_words_narrow_it(others, words, number):
    assert len(ids(manage("tsq", "list", "--format", "json", *words))) == number


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--older-than", "soon"], "older_than: Write a number and m, h, d or w"),
        (["--parked-after", "never"], "parked_after: "),
        (["--limit", "0"], "a whole number of at least 1"),
        (["--colour", "red"], "unrecognized arguments"),
        (["--format", "xml"], "invalid choice"),
    ],
)
def test_a_word_that_will_not_do_is_wrong_usage(others, words, why):
    ran = manage("tsq", "list", *words)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err


def test_a_table_has_a_line_for_each_and_shows_nothing_unprintable(others):
    CommandFactory(parked=True, last_error_message="one\ntwo\x1b[31m" + "x" * 100)
    lines = manage("tsq", "list").out.splitlines()
    assert len(lines) == 1 + 6
    assert lines[0].split()[:3] == ["id", "parked_at", "domain"]
    assert "one two [31mxx" in lines[-1]
    assert "…" in lines[-1]
    assert "\x1b" not in lines[-1]


def test_csv_is_harmless_in_a_spreadsheet(others):
    CommandFactory(parked=True, last_error_message="=HYPERLINK(1)")
    lines = manage("tsq", "list", "--format", "csv").out.splitlines()
    rows = list(csv.DictReader(lines))
    assert len(rows) == 6
    assert rows[-1]["error_message"] == "'=HYPERLINK(1)"


def test_nothing_is_an_empty_table_and_valid_json(db):
    assert manage("tsq", "list").out == ""
    assert manage("tsq", "list", "--format", "json").rows == []


def test_groups_have_one_cause_each(others):
    rows = manage("tsq", "groups", "--format", "json").rows
    assert {row["fingerprint"]: row["count"] for row in rows} == {"d" * 32: 3, "b" * 32: 2}
    rows = manage("tsq", "groups", "--domain", "billing", "--format", "json").rows
    assert [row["error_code"] for row in rows] == ["DECLINED"]


def test_an_entry_tells_all_about_itself(story):
    entry = entry_of(start_and_park_at(story, "B"))
    care.add_note(entry.pk, "asked the bank", operator="ann")
    facts = manage("tsq", "show", entry.pk, "--format", "json").rows
    assert facts["error_code"] == "BROKEN"
    assert [event["type"] for event in facts["events"]] == ["SENT", "PARKED"]
    assert facts["notes"][0]["text"] == "asked the bank"
    assert "PermanentCommandError" in facts["traceback"]
    text = manage("tsq", "show", entry.pk).out
    assert "asked the bank" in text
    assert "error_code: BROKEN" in text


def test_a_resolved_entry_tells_who_did_it(story):
    entry = entry_of(start_and_park_at(story, "B"))
    operations.cancel(entry.pk, operator="bob", reason="no use")
    assert "bob" in manage("tsq", "show", entry.pk).out


@pytest.mark.parametrize(
    ("given", "why"), [(uuid.uuid4(), "There is no TSQ entry"), ("17", "invalid UUID value: '17'")]
)
def test_an_unknown_entry_is_told(db, given, why):
    ran = manage("tsq", "show", given)
    assert ran.code == 2
    assert why in ran.err


def test_the_latest_operations(others):
    manage("tsq", "retry", "--domain", "billing", "--yes", "--operator", "ann")
    (row,) = manage("tsq", "operations", "--format", "json").rows
    assert (row["verb"], row["status"], row["size"]) == ("retry", "FINISHED", 3)
    assert (row["operator"], row["channel"]) == ("ann", "cli")
    assert TsqEntry.objects.count() == 2

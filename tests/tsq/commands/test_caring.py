"""``tsq claim`` and ``note``, for one entry or many."""

import pytest

from tests.support.commands import manage
from tsq import care
from tsq.models import EntryClaim, EntryNote

pytestmark = pytest.mark.django_db

ANN = ("--operator", "ann", "--yes", "--format", "json")


def claims() -> list[str]:
    return list(EntryClaim.objects.values_list("operator", flat=True))


def test_without_yes_nothing_is_claimed(others, unchanged):
    ran = manage("tsq", "claim", "--all")
    assert ran.code == 1
    assert "TSQ entries to claim: 5" in ran.err
    assert unchanged()


def test_a_group_is_claimed_and_released(billing, others):
    assert manage("tsq", "claim", "--domain", "billing", *ANN).code == 0
    assert claims() == ["ann"] * 3
    assert manage("tsq", "claim", "--claimed-by", "me", "--release", *ANN).code == 0
    assert claims() == []


def test_one_claimed_by_another_is_skipped_unless_taken_over(billing):
    care.claim(billing[0].pk, operator="bob")
    ran = manage("tsq", "claim", "--all", *ANN)
    assert ran.code == 1
    assert [row["outcome"] for row in ran.rows] == ["SKIPPED", "DONE", "DONE"]
    assert "claimed by bob" in ran.rows[0]["message"]
    assert manage("tsq", "claim", "--all", "--take-over", *ANN).code == 0
    assert claims() == ["ann"] * 3


def test_a_note_is_left_with_each(billing, others):
    assert manage("tsq", "note", "--domain", "billing", "--text", "asked", *ANN).code == 0
    told = set(EntryNote.objects.values_list("operator", "channel", "text"))
    assert told == {("ann", "cli", "asked")}
    assert EntryNote.objects.count() == 3


def test_an_empty_note_fails(billing, unchanged):
    ran = manage("tsq", "note", billing[0].pk, "--text", " ", *ANN)
    assert (ran.code, ran.rows[0]["outcome"]) == (1, "FAILED")
    assert unchanged()


def test_a_note_needs_its_text(billing, unchanged):
    ran = manage("tsq", "note", billing[0].pk, "--yes")
    assert ran.code == 2
    assert "--text" in ran.err
    assert unchanged()

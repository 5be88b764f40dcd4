"""Choosing and confirming in one go."""

import uuid

import pytest

from processes.audit import Operator
from processes.bus.errors import InvalidResult, ReasonRequired
from processes.bus.models import Command
from processes.states import OperatorVerb
from tests.factories import CommandFactory
from tests.tsq.bulk.conftest import next_chunk, outcomes, queued
from tsq import bulk, operations
from tsq.bulk import CountNotTyped, NoSuchEntries, NothingChosen
from tsq.bulk.selectors import preview_of
from tsq.models import BulkOperation, TsqEntry

pytestmark = pytest.mark.django_db

ANN = Operator("ann")


def begin(verb: str = "retry", entries=None, **more):
    rows = TsqEntry.objects.all() if entries is None else entries
    return bulk.begin(OperatorVerb(verb), rows, ANN, {}, **({"arguments": {}} | more))


def test_it_runs_at_once(entries):
    operation = begin(arguments={"note": "x"}, rate=100)
    assert (operation.status, operation.size, operation.rate) == ("RUNNING", 5, 100)
    assert queued() == 1
    assert next_chunk(operation) == 5


@pytest.mark.parametrize(
    ("verb", "arguments", "error"),
    [
        ("cancel", {}, ReasonRequired),
        ("cancel", {"reason": " "}, ReasonRequired),
        ("complete", {"result_data": {"a": "\x00"}}, InvalidResult),
    ],
)
def test_what_would_fail_for_each_is_refused_before_any(entries, verb, arguments, error):
    with pytest.raises(error):
        begin(verb, arguments=arguments)
    assert not BulkOperation.objects.exists()


def test_refused_it_leaves_no_draft(entries):
    with pytest.raises(CountNotTyped):
        begin(typed_count=4)
    with pytest.raises(NothingChosen):
        begin(entries=TsqEntry.objects.none())
    assert not BulkOperation.objects.exists()
    assert queued() == 0


def test_ids_that_are_of_no_open_entry_are_told(entries):
    unknown, done = uuid.uuid4(), CommandFactory(completed=True).pk
    with pytest.raises(NoSuchEntries) as raised:
        bulk.named_entries([entries[0].pk, unknown, done], Command.objects.all())
    assert raised.value.missing == {unknown, done}


def test_one_that_moves_on_before_it_is_frozen_is_skipped_and_says_by_whom(entries):
    named = bulk.named_entries([entry.pk for entry in entries[:2]], Command.objects.all())
    operations.cancel(entries[0].pk, operator="bob", reason="x")
    operation = begin(entries=named)
    assert operation.size == 2
    next_chunk(operation)
    assert sorted(outcome for outcome, _ in outcomes(operation)) == ["DONE", "SKIPPED"]
    assert any("cancel by bob" in message for _, message in outcomes(operation))


def test_a_preview_tells_what_is_frozen_afterwards(entries):
    preview = preview_of(TsqEntry.objects.all(), 3)
    operation = begin()
    assert preview.count == operation.size
    assert [entry.pk for entry in preview.sample] == [entry.pk for entry in entries[:3]]
    assert preview.groups == bulk.selectors.groups_of(operation)

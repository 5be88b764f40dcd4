"""Claims and notes: seen by all, in nobody's way."""

import uuid

import pytest

from processes.audit import OperatorRequired
from processes.bus.errors import CommandBusError, NotFound, NotParked
from processes.bus.models import Command, CommandEvent
from processes.models import OperatorAction
from tests.factories import CommandEventFactory, CommandFactory
from tsq import care, operations
from tsq.models import EntryClaim, EntryNote

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(db) -> Command:
    return CommandFactory(parked=True)


def claims() -> list[tuple[uuid.UUID, str]]:
    return list(EntryClaim.objects.values_list("command_id", "operator"))


def test_a_claim_tells_who_and_since_when(entry, clock):
    clock.advance(60)
    before = clock.now()
    made = care.claim(entry.pk, operator="ann")
    assert claims() == [(entry.pk, "ann")]
    assert before <= made.claimed_at <= clock.now()


def test_a_claim_changes_nothing_else(entry):
    before = Command.objects.values().get()
    care.claim(entry.pk, operator="ann")
    assert Command.objects.values().get() == before
    assert not CommandEvent.objects.exists()


def test_claiming_ones_own_again_keeps_the_time(entry, clock):
    first = care.claim(entry.pk, operator="ann")
    clock.advance(60)
    assert care.claim(entry.pk, operator="ann").claimed_at == first.claimed_at


def test_an_entry_of_another_is_taken_over_only_knowingly(entry, clock):
    first = care.claim(entry.pk, operator="ann")
    with pytest.raises(care.ClaimedByAnother, match="claimed by ann since") as refused:
        care.claim(entry.pk, operator="bob")
    assert (refused.value.actor, refused.value.action) == ("ann", "claim")
    assert claims() == [(entry.pk, "ann")]
    clock.advance(60)
    second = care.claim(entry.pk, operator="bob", take_over=True)
    assert (second.claimed_at - first.claimed_at).total_seconds() >= 60
    assert claims() == [(entry.pk, "bob")]


def test_only_what_is_parked_can_be_claimed(entry):
    CommandEventFactory(command=entry, type="PARKED")
    operations.cancel(entry.pk, operator="bob", reason="no use")
    care.add_note(entry.pk, "too late", operator="eve")
    told = r"no longer in the TSQ; it is CANCELED \(cancel by bob, "
    with pytest.raises(NotParked, match=told) as refused:
        care.claim(entry.pk, operator="ann")
    assert (refused.value.actor, refused.value.action) == ("bob", "cancel")
    assert claims() == []
    assert [action.action for action in OperatorAction.objects.all()] == ["cancel", "note"]


@pytest.mark.parametrize("verb", ["retry", "complete", "cancel"])
def test_a_claim_stops_nobody_and_goes_with_the_entry(entry, verb):
    kept = CommandFactory(parked=True)
    for command in (entry, kept):
        care.claim(command.pk, operator="ann")
    reason = {"reason": "no use"} if verb == "cancel" else {}
    getattr(operations, verb)(entry.pk, operator="bob", **reason)
    assert claims() == [(kept.pk, "ann")]


def test_a_refused_resolution_keeps_the_claim(entry):
    care.claim(entry.pk, operator="ann")
    with pytest.raises(NotParked):
        operations.retry(entry.pk, operator="bob", seen=entry.deliveries + 1)
    assert claims() == [(entry.pk, "ann")]


def test_a_released_entry_is_nobodys(entry):
    care.claim(entry.pk, operator="ann")
    care.release(entry.pk, operator="ann")
    assert claims() == []


def test_only_ones_own_claim_can_be_released(entry):
    with pytest.raises(care.NotClaimed, match="Nobody has claimed"):
        care.release(entry.pk, operator="bob")
    care.claim(entry.pk, operator="ann")
    with pytest.raises(care.NotClaimed, match=r"claimed by ann since .*, not by bob"):
        care.release(entry.pk, operator="bob")
    assert claims() == [(entry.pk, "ann")]


def test_a_note_tells_who_when_and_through_what(entry, clock):
    clock.advance(60)
    before = clock.now()
    note = care.add_note(entry.pk, "ask the bank", operator="ann", channel="api")
    assert EntryNote.objects.get() == note
    assert (note.command_id, note.operator, note.channel) == (entry.pk, "ann", "api")
    assert note.text == "ask the bank"
    assert before <= note.at <= clock.now()


def test_a_resolved_entry_takes_notes_too(entry):
    CommandEventFactory(command=entry, type="PARKED")
    operations.complete(entry.pk, operator="bob")
    care.add_note(entry.pk, "done by phone", operator="ann")
    assert EntryNote.objects.get().text == "done by phone"


def test_what_postgresql_cannot_hold_is_replaced_in_a_note(entry):
    assert care.add_note(entry.pk, "a\x00b", operator="ann").text == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_note_is_refused(entry, text):
    with pytest.raises(care.EmptyNote):
        care.add_note(entry.pk, text, operator="ann")
    assert not EntryNote.objects.exists()


@pytest.mark.parametrize("unknown", [uuid.uuid4(), "nonsense", "\x00"])
def test_what_is_no_entry_is_not_found(entry, unknown):
    for act in (
        lambda: care.claim(unknown, operator="ann"),
        lambda: care.release(unknown, operator="ann"),
        lambda: care.add_note(unknown, "x", operator="ann"),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_command_that_was_never_parked_takes_no_note(db):
    with pytest.raises(NotFound):
        care.add_note(CommandFactory(completed=True).pk, "x", operator="ann")


def test_somebody_must_be_named(entry):
    with pytest.raises(OperatorRequired):
        care.claim(entry.pk, operator=" ")
    with pytest.raises(OperatorRequired):
        care.add_note(entry.pk, "x", operator="")
    assert claims() == []


def audited() -> list[tuple[str, str, str, dict, dict]]:
    return list(
        OperatorAction.objects.values_list("action", "operator", "reason", "before", "after")
    )


def test_each_is_kept_in_the_audit(entry):
    by = {"channel": "api", "request_id": "r-1"}
    care.claim(entry.pk, operator="ann", **by)
    care.claim(entry.pk, operator="ann", **by)  # hers already: nothing happens
    care.claim(entry.pk, operator="bob", take_over=True, **by)
    care.release(entry.pk, operator="bob", **by)
    note = care.add_note(entry.pk, "ask the bank", operator="ann", **by)
    assert audited() == [
        ("claim", "ann", "", {"claimed_by": None}, {"claimed_by": "ann"}),
        ("claim", "bob", "", {"claimed_by": "ann"}, {"claimed_by": "bob"}),
        ("release", "bob", "", {"claimed_by": "bob"}, {"claimed_by": None}),
        ("note", "ann", "ask the bank", {}, {"note": note.pk}),
    ]
    kept = OperatorAction.objects.values_list("command", "domain", "channel", "request_id")
    assert set(kept) == {(entry.pk, entry.domain, "api", "r-1")}


def test_what_is_refused_is_not_in_the_audit(entry):
    care.claim(entry.pk, operator="ann")
    for act in (
        lambda: care.claim(entry.pk, operator="bob"),
        lambda: care.release(entry.pk, operator="bob"),
        lambda: care.add_note(entry.pk, " ", operator="bob"),
    ):
        with pytest.raises(CommandBusError):
            act()
    assert [row[:2] for row in audited()] == [("claim", "ann")]

"""The words that choose entries, the same for every surface."""

import uuid

import pytest

from processes.bus.models import Command
from tests.factories import CommandFactory
from tsq.filters import EntryFilter, InvalidFilter, matching_entries
from tsq.models import EntryClaim

pytestmark = pytest.mark.django_db


def found(me: str = "", **words: str) -> list[uuid.UUID]:
    return [entry.pk for entry in matching_entries(words, me=me)]


@pytest.fixture
def entry(db) -> Command:
    return CommandFactory(
        parked=True,
        domain="billing",
        command_type="Charge",
        data={"customer": "Zoë", "nested": [{"iban": "DE99"}]},
        last_error_code="CARD_DECLINED",
        last_error_message="The card 50%_off was declined",
        fingerprint="a" * 32,
    )


@pytest.fixture
def other(entry: Command) -> Command:
    return CommandFactory(parked=True)


def test_without_words_it_is_all_that_is_parked(entry, other):
    CommandFactory(canceled=True)
    assert set(found()) == {entry.pk, other.pk}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("domain", "billing"),
        ("type", "Charge"),
        ("error_code", "CARD_DECLINED"),
        ("fingerprint", "a" * 32),
    ],
)
def test_a_column_is_matched_exactly(entry, other, word, value):
    assert found(**{word: value}) == [entry.pk]
    assert found(**{word: value[:-1]}) == []


def test_words_narrow_together(entry, other):
    assert found(domain="billing", error_code="BROKEN") == []


def test_it_is_found_by_its_id_and_its_correlation_id(entry, other):
    assert found(id=str(entry.pk)) == found(correlation_id=str(entry.correlation_id)) == [entry.pk]


@pytest.mark.parametrize(
    "text", ["zoë", "de99", "card 50%_off", "CARD_decl", " declined ", '"customer": "Zoë"']
)
def test_a_search_looks_in_error_and_payload(entry, other, text):
    assert found(search=text) == [entry.pk]


def test_a_search_looks_in_the_ids_and_takes_their_beginning(entry, other):
    for wanted in (entry.pk, entry.correlation_id):
        assert found(search=str(wanted)) == found(search=str(wanted)[:13]) == [entry.pk]


def test_a_search_does_not_take_wildcards(entry, other):
    assert found(search="declin%") == found(search="c_rd") == []


def test_a_search_leaves_alone_what_is_not_parked(entry):
    CommandFactory(canceled=True, data=entry.data)
    assert found(search="Zoë") == [entry.pk]


def test_older_than_counts_from_when_it_was_parked(clock, entry):
    clock.advance(2 * 3600)
    CommandFactory(parked=True)
    for span, expected in {"119m": [entry.pk], "2h": [entry.pk], "121M": [], "1 d": []}.items():
        assert found(older_than=span) == expected


def test_a_time_of_parking_is_a_time_or_a_day(clock, entry):
    clock.advance(3600)
    later = CommandFactory(parked=True)
    border = later.parked_at.isoformat()
    assert found(parked_before=border) == [entry.pk]
    assert found(parked_after=border) == [later.pk]
    day = entry.parked_at.date().isoformat()
    assert entry.pk in found(parked_after=day)
    assert found(parked_before=day) == []


def test_a_claim_is_matched_by_name_me_or_nobody(entry, other):
    EntryClaim.objects.create(command=entry, operator="ann")
    assert found(claimed_by="ann") == found(claimed_by="me", me="ann") == [entry.pk]
    assert found(claimed_by="nobody") == [other.pk]
    assert found(claimed_by="me", me="bob") == found(claimed_by="bob") == []


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("older_than", "soon"),
        ("older_than", "2"),
        ("older_than", "99999999d"),
        ("older_than", "٣h"),
        ("parked_after", "yesterday"),
        ("parked_after", "2026-13-01"),
        ("parked_before", "2026-02-30T00:00"),
        ("id", "17"),
        ("correlation_id", "x"),
        ("domain", "a\x00b"),
        ("search", "\x00"),
        ("search", "x" * 201),
        ("claimed_by", "me"),
        ("colour", "red"),
        ("parked_at__year", "2026"),
    ],
    ids=lambda value: value[:12],
)
def test_what_will_not_do_is_an_error_that_names_the_word(word, value):
    with pytest.raises(InvalidFilter) as refused:
        found(**{word: value, "domain": value if word == "domain" else "billing"})
    assert list(refused.value.errors) == [word]
    assert refused.value.message.startswith(f"{word}: ")
    assert refused.value.code == "INVALID_FILTER"


def test_me_is_the_user_of_the_request(entry, other, rf, django_user_model):
    EntryClaim.objects.create(command=entry, operator="ann")
    request = rf.get("/")
    request.user = django_user_model.objects.create_user("ann")
    chosen = EntryFilter({"claimed_by": "me"}, request=request)
    assert [row.pk for row in chosen.qs] == [entry.pk]

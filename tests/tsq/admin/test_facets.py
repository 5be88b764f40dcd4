"""The filter bar: what each choice would leave, its address, and the groups of alike errors."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import CommandFactory
from tsq import care
from tsq.admin import entry_list
from tsq.facets import Facets
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db


def parked(**columns):
    return CommandFactory(parked=True, **columns)


def counts(title: str, words: dict[str, str] | None = None) -> dict[str, int]:
    """What the bar offers under this title."""
    facets = {f.title: f for f in Facets(TsqEntry.objects.all(), words or {}, "ann").all()}
    return {choice.label: choice.count for choice in facets[title].choices}


def chips(console, **words) -> list[str]:
    """The addresses on the page that a choice leads to."""
    shown = console.page("tsq_tsqentry_changelist", **words).context["cl"]
    return [url for _, first, others in shown.facets for _, url in first + others]


def shown(console, **words) -> set:
    cl = console.page("tsq_tsqentry_changelist", **words).context["cl"]
    assert cl.result_count == len(cl.result_list)
    return {entry.pk for entry in cl.result_list}


def test_each_choice_is_counted_under_the_other_words_chosen():
    parked(domain="a", last_error_code="X")
    parked(domain="a", last_error_code="Y")
    parked(domain="b", last_error_code="X")
    CommandFactory(canceled=True, domain="a")
    assert counts("Domain") == {"a": 2, "b": 1}
    assert counts("Domain", {"error_code": "Y"}) == {"a": 1}
    assert counts("Error", {"error_code": "Y"}) == {"X": 2, "Y": 1}
    assert counts("Error", {"domain": "b", "error_code": "Y"}) == {"X": 1, "Y": 0}


def test_ages_and_claims_are_always_offered(clock):
    old = parked()
    clock.advance(25 * 3600)
    parked()
    care.claim(old.pk, operator="ann")
    care.claim(parked().pk, operator="bob")
    assert counts("Age") == {"over an hour": 1, "over a day": 1, "over a week": 0}
    assert counts("Claimed by") == {"me": 1, "nobody": 1}
    assert counts("Claimed by", {"claimed_by": "bob"}) == {"me": 1, "nobody": 1, "bob": 1}


def test_a_choice_leads_to_its_entries_and_back(console):
    wanted = parked(domain="a", last_error_code="X")
    parked(domain="b", last_error_code="X")
    assert "?domain=a&error_code=X" in chips(console, error_code="X")
    assert shown(console, error_code="X", domain="a") == {wanted.pk}
    assert "?error_code=X" in chips(console, error_code="X", domain="a")


def test_days_are_offered_within_a_month_and_months_before(console, clock):
    first = parked()
    clock.advance(40 * 86400)
    parked()
    cl = console.page("tsq_tsqentry_changelist").context["cl"]
    months = {choice.label: (choice.count, url) for choice, url in cl.dates[0]}
    count, url = months[f"{first.parked_at:%B %Y}"]
    cl = console.client.get(f"/admin/tsq/tsqentry/{url}").context["cl"]
    ((day, url),) = cl.dates[0]
    assert (count, day.label, day.count) == (1, f"{first.parked_at:%a %d %b}", 1)
    cl = console.client.get(f"/admin/tsq/tsqentry/{url}").context["cl"]
    assert [entry.pk for entry in cl.result_list] == [first.pk]


def test_a_search_counts_what_it_found(console, monkeypatch):
    monkeypatch.setattr(entry_list, "MOST_FOUND", 2)
    wanted = parked(data={"iban": "XY1"}, domain="a")
    for _ in range(3):
        parked(data={"iban": "XY2"}, domain="b")
    assert shown(console, search="xy1") == {wanted.pk}
    assert shown(console, search="xy1", domain="b") == set()
    assert len(shown(console, search="xy2")) == 2
    assert "2 or more" in console.text("tsq_tsqentry_changelist", search="xy2")


def test_old_entries_are_marked(console, clock, settings):
    settings.COMMANDBUS_OLD_AFTER_SECONDS = (3600, 7200)
    clock.advance(-5400)
    parked()
    assert "age-old" in console.text("tsq_tsqentry_changelist")
    clock.advance(-5400)
    parked()
    assert "age-very-old" in console.text("tsq_tsqentry_changelist")


def test_only_the_domains_one_may_see_are_counted(console, django_user_model):
    parked(domain="a")
    parked(domain="b", last_error_message="secret")
    django_user_model.objects.get(username="ann").domain_limits.create(domain="a")
    assert "domain=b" not in " ".join(chips(console))
    assert "secret" not in console.text("tsq_tsqentry_groups")


class TestGroups:
    def test_alike_errors_are_one_group_the_one_seen_last_first(self, console, clock):
        clock.advance(-7200)
        parked(fingerprint="a" * 32, last_error_message="first")
        parked(fingerprint="c" * 32)
        clock.advance(7200)
        parked(fingerprint="a" * 32, last_error_message="first")
        rows = console.page("tsq_tsqentry_groups").context["groups"]
        told = [(r["group"].fingerprint[0], r["group"].count, r["group"].new) for r in rows]
        assert told == [("a", 2, 1), ("c", 1, 0)]
        assert rows[0]["group"].sample == "first"
        assert rows[0]["group"].first_seen < rows[0]["group"].last_seen

    def test_one_click_leads_to_its_entries_and_one_to_the_new_ones(self, console, clock):
        clock.advance(-7200)
        old = parked(fingerprint="a" * 32)
        clock.advance(7200)
        new = parked(fingerprint="a" * 32)
        parked()
        rows = console.page("tsq_tsqentry_groups").context["groups"]
        (row,) = [row for row in rows if row["group"].fingerprint == "a" * 32]
        for query, expected in (("entries", {old.pk, new.pk}), ("new", {new.pk})):
            cl = console.client.get(f"/admin/tsq/tsqentry/?{row[query]}").context["cl"]
            assert {entry.pk for entry in cl.result_list} == expected

    def test_they_take_the_filter_of_the_list(self, console):
        parked(domain="a", fingerprint="a" * 32)
        parked(domain="b")
        (row,) = console.page("tsq_tsqentry_groups", domain="a").context["groups"]
        assert row["group"].domain == "a"

    def test_what_handlers_say_is_escaped(self, console):
        parked(last_error_message="<script>x", last_error_code="<b>", domain="<i>")
        text = console.text("tsq_tsqentry_groups")
        assert not [bad for bad in ("<script>x", "<b>", "<i>") if bad in text]

    def test_few_queries_however_many_groups(self, console):
        for number in range(20):
            parked(fingerprint=f"{number:032}")
        with CaptureQueriesContext(connection) as queries:
            console.text("tsq_tsqentry_groups")
        assert len(queries) < 8

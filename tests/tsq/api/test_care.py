"""Claim, release, note."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.bus.models import Command
from tests.support.service import Service, problem_of
from tests.tsq.api.conftest import EVERYTHING, action, kept_answers, park_alone
from tsq import care, operations
from tsq.models import EntryClaim, EntryNote

pytestmark = pytest.mark.django_db

ACTS = [("claim", {}), ("release", {}), ("notes", {"text": "x"})]


@pytest.fixture
def entry(db) -> Command:
    return park_alone()


class TestClaim:
    def test_it_tells_the_others(self, service, path):
        response = service.post(f"{path}/claim", {})
        assert response.json()["claim"]["operator"] == "shop"
        assert response["ETag"] == service.get(path)["ETag"]
        assert EntryClaim.objects.get().operator == "shop"
        assert action()[:4] == ("claim", "shop", "api", response["X-Request-ID"])

    def test_the_body_may_be_missing(self, service, path):
        assert service.raw(f"{path}/claim", b"").status_code == 200

    def test_the_claim_of_another_is_taken_over_only_if_said(self, service, path, entry):
        care.claim(entry.pk, operator="ann")
        problem = problem_of(service.post(f"{path}/claim", {}), 409, "CLAIMED_BY_ANOTHER")
        assert (problem["actor"], problem["action"]) == ("ann", "claim")
        assert EntryClaim.objects.get().operator == "ann"
        assert service.post(f"{path}/claim", {"take_over": True}).status_code == 200
        assert EntryClaim.objects.get().operator == "shop"

    @pytest.mark.parametrize("odd", ["true", 1, None, []])
    def test_take_over_is_true_or_false(self, service, path, odd):
        response = service.post(f"{path}/claim", {"take_over": odd})
        problem = problem_of(response, 400, "INVALID_REQUEST")
        assert problem["errors"][0]["field"] == "/take_over"
        assert not EntryClaim.objects.exists()

    def test_a_stale_version_changes_nothing(self, service, path):
        problem_of(service.post(f"{path}/claim", {}, if_match='"x"'), 412, "PRECONDITION_FAILED")
        assert not EntryClaim.objects.exists()

    def test_one_that_is_resolved_cannot_be_claimed(self, service, path, entry):
        operations.retry(entry.pk, operator="ann")
        problem_of(service.post(f"{path}/claim", {}), 409, "NOT_PARKED")


class TestRelease:
    def test_the_own_claim_ends(self, service, path):
        service.post(f"{path}/claim", {})
        assert service.post(f"{path}/release", {}).json()["claim"] is None
        assert not EntryClaim.objects.exists()

    def test_only_the_own_one(self, service, path, entry):
        problem_of(service.post(f"{path}/release", {}), 409, "NOT_CLAIMED")
        care.claim(entry.pk, operator="ann")
        problem = problem_of(service.post(f"{path}/release", {}), 409, "NOT_CLAIMED")
        assert problem["actor"] == "ann"
        assert EntryClaim.objects.exists()

    def test_it_takes_no_fields(self, service, path):
        problem = problem_of(service.post(f"{path}/release", {"x": 1}), 400, "INVALID_REQUEST")
        assert problem["errors"][0]["message"] == "There is no such field; there are none."


class TestNotes:
    def test_a_note_is_kept_once(self, service, path):
        first = service.post(f"{path}/notes", {"text": "asked the bank"}, key="k")
        again = service.post(f"{path}/notes", {"text": "asked the bank"}, key="k")
        assert (first.status_code, first.json()) == (201, again.json())
        note = EntryNote.objects.get()
        assert (note.operator, note.channel, note.text) == ("shop", "api", "asked the bank")
        assert action()[:4] == ("note", "shop", "api", first["X-Request-ID"])
        assert service.get(f"{path}/notes").json()["results"] == [first.json()]
        assert kept_answers() == 1

    def test_in_order_page_by_page(self, service, path, entry):
        for number in range(5):
            care.add_note(entry.pk, f"{number}", operator="ann")
        url, texts = f"{path}/notes?limit=2", []
        while url:
            page = service.get(url).json()
            texts.append([note["text"] for note in page["results"]])
            url = page["next"]
        assert texts == [["0", "1"], ["2", "3"], ["4"]]
        before = service.get(page["previous"]).json()
        assert [note["text"] for note in before["results"]] == ["2", "3"]

    def test_many_cost_as_few_queries_as_one(self, service, path, entry):
        for number in range(20):
            care.add_note(entry.pk, f"{number}", operator="ann")
        with CaptureQueriesContext(connection) as queries:
            service.get(f"{path}/notes")
        assert len(queries) <= 6

    @pytest.mark.parametrize(
        ("text", "code"), [("", "INVALID_REQUEST"), (None, "INVALID_REQUEST"), (" ", "EMPTY_NOTE")]
    )
    def test_an_empty_one_is_refused(self, service, path, text, code):
        problem_of(service.post(f"{path}/notes", {"text": text}), 400, code)
        assert not EntryNote.objects.exists()

    @pytest.mark.parametrize("cursor", ["WyJ4IiwgZmFsc2Vd", "W10", "MQ", "x"])
    def test_a_cursor_that_is_none_is_refused(self, service, path, cursor):
        problem_of(service.get(f"{path}/notes", {"cursor": cursor}), 400, "INVALID_FILTER")

    def test_a_cursor_beyond_all_numbers_finds_nothing(self, service, path, entry):
        care.add_note(entry.pk, "x", operator="ann")
        huge = "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5LCBmYWxzZV0"
        assert service.get(f"{path}/notes", {"cursor": huge}).json()["results"] == []


@pytest.mark.parametrize(("act", "body"), ACTS)
class TestAccess:
    def test_the_permission_is_needed(self, path, act, body):
        service = Service(*(name for name in EVERYTHING if name != "tsq.claim_tsqentry"))
        problem_of(service.post(f"{path}/{act}", body), 403, "PERMISSION_DENIED")

    def test_another_domain_is_not_there(self, elsewhere, path, act, body):
        problem_of(elsewhere.post(f"{path}/{act}", body), 404, "NOT_FOUND")
        assert not EntryClaim.objects.exists()
        assert not EntryNote.objects.exists()

    def test_the_key_is_needed(self, service, path, act, body):
        response = service.client.post(f"{path}/{act}", body, format="json")
        problem_of(response, 400, "IDEMPOTENCY_KEY_MISSING")

"""Begin a bulk operation over REST, or only look at what it would be."""

import uuid
from typing import Any

import jsonschema
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from processes.bus.models import Command
from tests.factories import CommandFactory
from tests.support.service import OPERATIONS, Service, problem_of
from tests.support.sessions import run_together
from tests.tsq.api.conftest import EVERYTHING, VIEW
from tsq import care, operations
from tsq.models import BulkOperation

pytestmark = pytest.mark.django_db

EVERY = {"verb": "cancel", "filter": {}, "arguments": {"reason": "no use"}}
OTHER = {"domain": "other", "last_error_code": "TIMEOUT", "fingerprint": "c" * 32}

WRONG = [
    ({"filter": None}, "/filter"),
    ({"filter": []}, "/filter"),
    ({"filter": {"x": "1"}}, "/filter/x"),
    ({"filter": {"older_than": "soon"}}, "/filter/older_than"),
    ({"filter": {"domain": ""}}, "/filter/domain"),
    ({"filter": {"domain": "  "}}, "/filter/domain"),
    ({"filter": {"domain": None}}, "/filter/domain"),
    ({"filter": {"domain": 1}}, "/filter/domain"),
    ({"filter": {"limit": "1"}}, "/filter/limit"),
    ({"ids": ["00000000-0000-4000-8000-000000000000"]}, "/ids"),
    ({"ids": []}, "/ids"),
    ({"ids": ["x"]}, "/ids/0"),
    ({"verb": "edit"}, "/verb"),
    ({"verb": None}, "/verb"),
    ({"arguments": {"note": "x"}}, "/arguments/note"),
    ({"arguments": {"reason": 1}}, "/arguments/reason"),
    ({"arguments": {"x": 1}}, "/arguments/x"),
    ({"arguments": "x"}, "/arguments"),
    ({"rate": 0}, "/rate"),
    ({"rate": "1"}, "/rate"),
    ({"rate": True}, "/rate"),
    ({"rate": 1001}, "/rate"),
    ({"rate": 10**400}, "/rate"),
    ({"expected_count": "5"}, "/expected_count"),
    ({"dry_run": "true"}, "/dry_run"),
    ({"x": 1}, "/x"),
]
"""What is wrong with the body, and the field that is named."""


@pytest.fixture
def entries(db) -> list[Command]:
    return park(5)


def park(number: int, **more: Any) -> list[Command]:
    return [CommandFactory(parked=True, **more) for _ in range(number)]


def naming(entries: list[Command]) -> list[str]:
    return [str(entry.pk) for entry in entries]


def chosen() -> list[str]:
    items = BulkOperation.objects.get().items.order_by("id")
    return [str(pk) for pk in items.values_list("command_id", flat=True)]


class TestDryRun:
    def test_it_tells_count_groups_and_a_sample_and_stores_nothing(
        self, service, entries, unchanged
    ):
        before = unchanged
        park(2, **OTHER)
        first, *_ = entries
        care.claim(first.pk, operator="ann")
        response = service.post(OPERATIONS, EVERY | {"dry_run": True})
        assert response.status_code == 200
        told = response.json()
        assert told["count"] == 7
        assert told["groups"] == [
            {"domain": "test", "command_type": "Test", "error_code": "BROKEN", "number": 5},
            {"domain": "other", "command_type": "Test", "error_code": "TIMEOUT", "number": 2},
        ]
        assert [entry["id"] for entry in told["sample"][:5]] == naming(entries)
        assert told["sample"][0]["claim"]["operator"] == "ann"
        assert "Location" not in response
        assert not BulkOperation.objects.exists()
        assert OrmQ.objects.count() == 0
        assert not before()  # what was parked and claimed here, and nothing else

    def test_of_nothing(self, service):
        told = service.post(OPERATIONS, EVERY | {"dry_run": True}).json()
        assert told == {"count": 0, "groups": [], "sample": []}

    def test_of_many_it_shows_few_in_few_queries(self, service):
        park(30)
        service.post(OPERATIONS, EVERY | {"dry_run": True})
        with CaptureQueriesContext(connection) as queries:
            told = service.post(OPERATIONS, EVERY | {"dry_run": True}).json()
        assert (told["count"], len(told["sample"])) == (30, 10)
        assert len(queries) < 20

    def test_false_is_no_dry_run(self, service, entries):
        assert service.post(OPERATIONS, EVERY | {"dry_run": False}).status_code == 202


class TestBeginning:
    def test_what_matches_is_frozen_and_the_workers_are_called(self, service, entries):
        park(2, **OTHER)
        wanted = {
            "verb": "retry",
            "filter": {"domain": "test"},
            "arguments": {"note": "disk cleaned"},
            "rate": 20,
            "expected_count": 5,
        }
        response = service.post(OPERATIONS, wanted)
        assert response.status_code == 202
        operation = BulkOperation.objects.get()
        assert response["Location"] == f"{OPERATIONS}/{operation.pk}"
        assert response["Retry-After"] == "1"
        assert chosen() == naming(entries)
        assert (operation.operator, operation.channel) == ("shop", "api")
        assert operation.request_id == response["X-Request-ID"]
        assert (operation.rate, operation.arguments) == (20, {"note": "disk cleaned"})
        shown = response.json()
        assert (shown["status"], shown["size"], shown["filter"]) == (
            "RUNNING",
            5,
            {"domain": "test"},
        )
        assert shown["progress"] == {
            "total": 5,
            "open": 5,
            **dict.fromkeys(("done", "skipped", "failed"), 0),
        }
        assert OrmQ.objects.count() == 1
        assert service.get(response["Location"]).json() == shown

    def test_the_ids_named(self, service, entries):
        response = service.post(OPERATIONS, {"verb": "retry", "ids": naming(entries[:2]) * 2})
        assert response.json()["size"] == 2
        assert sorted(chosen()) == sorted(naming(entries[:2]))

    def test_me_in_a_filter_is_the_one_who_asks(self, service, entries):
        care.claim(entries[3].pk, operator="shop")
        service.post(OPERATIONS, {"verb": "retry", "filter": {"claimed_by": "me"}})
        assert chosen() == naming([entries[3]])

    def test_complete_takes_a_result(self, service, entries):
        arguments = {"result_data": {"seat": 1}, "note": "by hand"}
        service.post(OPERATIONS, {"verb": "complete", "filter": {}, "arguments": arguments})
        assert BulkOperation.objects.get().arguments == arguments

    def test_the_same_key_begins_one(self, service, entries):
        first, second = (service.post(OPERATIONS, EVERY, key="k") for _ in range(2))
        assert (first.status_code, second.status_code) == (202, 202)
        assert (first.content, first["Location"]) == (second.content, second["Location"])
        assert BulkOperation.objects.count() == OrmQ.objects.count() == 1


class TestCount:
    @pytest.fixture(autouse=True)
    def few_are_many(self, settings) -> None:
        settings.COMMANDBUS_TYPED_COUNT_ABOVE = 4

    @pytest.mark.parametrize("more", [{}, {"expected_count": 4}, {"expected_count": 6}])
    def test_of_many_the_count_is_needed(self, service, entries, unchanged, more):
        problem = problem_of(service.post(OPERATIONS, EVERY | more), 400, "COUNT_NOT_TYPED")
        assert "5" in problem["detail"]
        assert unchanged()
        assert OrmQ.objects.count() == 0

    def test_the_right_one_is_taken(self, service, entries):
        assert service.post(OPERATIONS, EVERY | {"expected_count": 5}).status_code == 202

    def test_of_few_it_is_not_needed_but_must_be_right(self, service, entries, unchanged):
        few = {"verb": "retry", "ids": naming(entries[:2])}
        problem_of(service.post(OPERATIONS, few | {"expected_count": 3}), 400, "COUNT_NOT_TYPED")
        assert unchanged()
        assert service.post(OPERATIONS, few).status_code == 202


class TestRefusing:
    @pytest.mark.parametrize("dry_run", [True, False])
    def test_ids_that_are_of_no_open_entry_are_named(self, service, entries, dry_run, request):
        operations.retry(entries[1].pk, operator="ann")
        ids = [*naming(entries), str(CommandFactory(completed=True).pk)]
        unchanged = request.getfixturevalue("unchanged")
        wanted = {"verb": "retry", "ids": ids, "dry_run": dry_run}
        problem = problem_of(service.post(OPERATIONS, wanted), 400, "INVALID_REQUEST")
        assert [error["field"] for error in problem["errors"]] == ["/ids/1", "/ids/5"]
        assert unchanged()

    def test_of_another_domain_as_well(self, service, entries):
        stranger = Service(*EVERYTHING, username="other", domain="other")
        problem = problem_of(
            stranger.post(OPERATIONS, {"verb": "retry", "ids": naming(entries[:1])}),
            400,
            "INVALID_REQUEST",
        )
        assert problem["errors"][0]["field"] == "/ids/0"

    def test_nothing_that_matches(self, service, entries, unchanged):
        wanted = EVERY | {"filter": {"domain": "nowhere"}}
        problem_of(service.post(OPERATIONS, wanted), 400, "NOTHING_CHOSEN")
        assert unchanged()

    def test_a_wrong_body_names_the_field(self, service, entries, unchanged):
        for change, field in WRONG:
            response = service.post(OPERATIONS, EVERY | change)
            problem = problem_of(response, 400, "INVALID_REQUEST")
            assert [error["field"] for error in problem["errors"]] == [field], change
        assert unchanged()

    def test_the_schema_tells_that_it_is_either(self, client):
        schema = client.get("/api/schema/").json()
        wanted = schema | {"$ref": "#/components/schemas/BeginOperation"}
        is_valid = jsonschema.Draft202012Validator(wanted).is_valid
        ids, chosen = {"ids": [str(uuid.uuid4())]}, {"filter": {}}
        assert is_valid({"verb": "retry"} | ids)
        assert is_valid({"verb": "retry"} | chosen)
        assert not is_valid({"verb": "retry"} | ids | chosen)
        assert not is_valid({"verb": "retry"})

    def test_neither_ids_nor_a_filter(self, service, entries, unchanged):
        problem = problem_of(service.post(OPERATIONS, {"verb": "retry"}), 400, "INVALID_REQUEST")
        assert "{} means every entry" in problem["detail"]
        assert unchanged()

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [
            ({"verb": "cancel"}, "REASON_REQUIRED"),
            ({"verb": "cancel", "arguments": {"reason": " "}}, "REASON_REQUIRED"),
            ({"verb": "complete", "arguments": {"result_data": {"a": "\x00"}}}, "INVALID_RESULT"),
        ],
    )
    def test_what_would_fail_for_each(self, service, entries, unchanged, wanted, code):
        problem_of(service.post(OPERATIONS, wanted | {"filter": {}}), 400, code)
        assert unchanged()

    def test_the_key_is_required(self, service, entries, unchanged):
        response = service.client.post(OPERATIONS, EVERY, format="json")
        problem_of(response, 400, "IDEMPOTENCY_KEY_MISSING")
        assert unchanged()


class TestAccess:
    @pytest.mark.parametrize("lacking", [VIEW, "tsq.view_bulkoperation", "tsq.cancel_tsqentry"])
    @pytest.mark.parametrize("dry_run", [True, False])
    def test_each_permission_is_needed(self, entries, unchanged, lacking, dry_run):
        service = Service(*(name for name in EVERYTHING if name != lacking))
        response = service.post(OPERATIONS, EVERY | {"dry_run": dry_run})
        problem_of(response, 403, "PERMISSION_DENIED")
        assert unchanged()

    def test_a_filter_finds_nothing_in_other_domains(self, entries):
        (own,) = park(1, **OTHER)
        service = Service(*EVERYTHING, domain="other")
        assert service.post(OPERATIONS, EVERY | {"dry_run": True}).json()["count"] == 1
        assert service.post(OPERATIONS, EVERY).status_code == 202
        assert chosen() == naming([own])


@pytest.mark.django_db(transaction=True)
def test_the_same_key_at_once_begins_one(service, entries):
    answers = run_together(*[lambda: service.post(OPERATIONS, EVERY, key="k")] * 3)
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert BulkOperation.objects.count() == 1

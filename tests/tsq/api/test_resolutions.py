"""Retry, complete, cancel, edit and retry: what they do, and what is refused."""

import uuid

import pytest
from django.db import connection, transaction

from processes.bus.locks import lock_command
from processes.bus.models import Command
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory
from tests.support.behaviours import permanent
from tests.support.service import ENTRIES, Service, problem_of
from tests.support.sessions import in_other_session, wait_until
from tests.support.three_steps import Story
from tests.tsq.api.conftest import (
    EVERYTHING,
    VIEW,
    action,
    kept_answers,
    park_alone,
    status_after_work,
)
from tsq import care, operations
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db

BODIES = {
    "retry": {"note": "disk cleaned"},
    "complete": {"result_data": {"file": "é.html"}, "note": "by hand"},
    "cancel": {"reason": "customer left"},
    "edit": {"data": {"results": {}}, "reason": "a typo"},
}
VERBS = list(BODIES)
WRONG = [
    *((verb, {"seen": None}, "/seen") for verb in VERBS),
    *((verb, {"x": 1}, "/x") for verb in VERBS),
    ("retry", {"seen": "1"}, "/seen"),
    ("retry", {"seen": True}, "/seen"),
    ("retry", {"seen": 1.5}, "/seen"),
    ("retry", {"seen": -1}, "/seen"),
    ("retry", {"note": 1}, "/note"),
    ("retry", {"note": "\x00"}, "/note"),
    ("retry", {"note": "x" * 10_001}, "/note"),
    ("retry", {"reason": "x"}, "/reason"),
    ("complete", {"result_data": [1]}, "/result_data"),
    ("complete", {"result_data": "{}"}, "/result_data"),
    ("cancel", {"reason": ""}, "/reason"),
    ("cancel", {"reason": None}, "/reason"),
    ("edit", {"data": None}, "/data"),
    ("edit", {"reason": ""}, "/reason"),
]
"""Verb, what is wrong with its body, and the field that is named."""
RESOLVING = pytest.mark.parametrize("verb", VERBS)


def body(verb: str, seen: int = 1) -> dict:
    return BODIES[verb] | {"seen": seen}


class TestDoing:
    def test_retry_lets_the_process_go_on(self, service, path, process, story: Story):
        response = service.post(f"{path}/retry", body("retry"))
        assert response.status_code == 200
        assert (response.json()["status"], response.json()["attempts"]) == ("PENDING", 0)
        assert response["ETag"] == service.get(path)["ETag"]
        request_id = response["X-Request-ID"]
        assert action() == ("retry", "shop", "api", request_id, "disk cleaned")
        assert status_after_work(process) == ProcessStatus.COMPLETED
        assert story.steps_run == ["A", "B", "C", "C"]

    def test_complete_gives_the_process_the_result(self, service, path, process, story: Story):
        response = service.post(f"{path}/complete", body("complete"))
        assert response.json()["status"] == "COMPLETED"
        assert action()[:3] == ("complete", "shop", "api")
        assert status_after_work(process) == ProcessStatus.COMPLETED
        assert story.steps_run == ["A", "B", "C"]
        state = Process.objects.get(pk=process.pk).state
        assert state["results"]["C"] == {"file": "é.html"}

    @pytest.mark.parametrize("more", [{}, {"result_data": None}, {"note": ""}])
    def test_complete_needs_nothing_more(self, service, path, process, more):
        assert service.post(f"{path}/complete", {"seen": 1} | more).status_code == 200
        assert status_after_work(process) == ProcessStatus.COMPLETED

    def test_cancel_lets_the_process_compensate(self, service, path, process, story: Story):
        response = service.post(f"{path}/cancel", body("cancel"))
        assert response.json()["status"] == "CANCELED"
        assert action()[2:] == ("api", response["X-Request-ID"], "customer left")
        assert status_after_work(process) == ProcessStatus.COMPENSATED
        assert story.steps_run == ["A", "B", "C", "UNDO_B", "UNDO_A"]

    def test_edit_delivers_other_data(self, service, register_handler):
        got = []
        register_handler("Pay", lambda message: got.append(message.data), editable=True)
        entry = CommandFactory(parked=True, command_type="Pay", data={"amount": 1})
        CommandEventFactory(command=entry, type="PARKED")
        wanted = {"seen": 1, "data": {"amount": 2}, "reason": "a typo"}
        response = service.post(f"{ENTRIES}/{entry.pk}/edit", wanted)
        assert response.json()["status"] == "PENDING"
        assert action()[:3] == ("edit", "shop", "api")
        run_until_idle()
        assert got == [{"amount": 2}]
        shown = service.get(f"{ENTRIES}/{entry.pk}").json()
        assert (shown["data"], shown["edited_data"]) == ({"amount": 1}, {"amount": 2})

    def test_a_claim_ends_with_it(self, service, path, entry):
        care.claim(entry.pk, operator="ann")
        assert service.get(path).json()["claim"]
        assert service.post(f"{path}/retry", body("retry")).json()["claim"] is None

    @pytest.mark.parametrize("verb", ["retry", "complete", "cancel"])
    def test_the_same_key_has_one_effect(self, service, path, verb):
        first, second = (service.post(f"{path}/{verb}", body(verb), key="k") for _ in range(2))
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert (second["Idempotency-Replayed"], second["ETag"]) == ("true", first["ETag"])
        assert OperatorAction.objects.count() == kept_answers() == 1


class TestIfMatch:
    @pytest.fixture
    def entry(self, db) -> Command:
        return park_alone()

    @RESOLVING
    def test_a_stale_version_changes_nothing(self, service, path, entry, verb, request):
        etag = service.get(path)["ETag"]
        care.add_note(entry.pk, "wait for the bank", operator="ann")
        unchanged = request.getfixturevalue("unchanged")
        response = service.post(f"{path}/{verb}", body(verb), if_match=etag)
        problem_of(response, 412, "PRECONDITION_FAILED")
        assert unchanged()

    def test_the_version_at_hand_is_taken(self, service, path):
        etag = service.get(path)["ETag"]
        response = service.post(f"{path}/retry", body("retry"), if_match=f'"other", {etag}')
        assert response.status_code == 200

    def test_a_refused_key_does_not_keep_who_looked_again_out(self, service, path):
        service.post(f"{path}/retry", body("retry"), if_match='"old"', key="first")
        etag = service.get(path)["ETag"]
        response = service.post(f"{path}/retry", body("retry"), if_match=etag, key="second")
        assert response.status_code == 200


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        (waits,) = cursor.fetchone()
    return waits


@pytest.mark.django_db(transaction=True)
def test_the_version_is_compared_under_the_lock(service):
    """Whoever holds the entry finishes first; what they made of it is what is compared."""
    pk = park_alone().pk
    path = f"{ENTRIES}/{pk}"
    etag = service.get(path)["ETag"]
    with transaction.atomic():
        lock_command(pk)
        second = in_other_session(
            lambda: service.post(f"{path}/cancel", body("cancel"), if_match=etag)
        )
        wait_until(somebody_waits_for_a_lock)
        operations.retry(pk, operator="ann", note="first")
    problem_of(second.result(10), 412, "PRECONDITION_FAILED")
    assert OperatorAction.objects.get().reason == "first"


class TestRefusing:
    @pytest.fixture
    def entry(self, db) -> Command:
        return park_alone()

    @RESOLVING
    def test_one_resolved_meanwhile_tells_by_whom(self, service, path, entry, verb, request):
        operations.complete(entry.pk, operator="bob")
        unchanged = request.getfixturevalue("unchanged")
        problem = problem_of(service.post(f"{path}/{verb}", body(verb)), 409, "NOT_PARKED")
        told = (problem["state"], problem["actor"], problem["action"])
        assert told == ("COMPLETED", "bob", "complete")
        assert problem["at"]
        assert unchanged()

    def test_a_wrong_body_names_the_field(self, service, path, unchanged):
        for verb, change, field in WRONG:
            response = service.post(f"{path}/{verb}", body(verb) | change)
            problem = problem_of(response, 400, "INVALID_REQUEST")
            assert [error["field"] for error in problem["errors"]] == [field], change
        assert unchanged()

    @RESOLVING
    def test_seen_is_required(self, service, path, verb, unchanged):
        problem = problem_of(service.post(f"{path}/{verb}", BODIES[verb]), 400, "INVALID_REQUEST")
        assert problem["errors"][0]["field"] == "/seen"
        assert unchanged()

    @pytest.mark.parametrize(
        ("verb", "change", "code"),
        [
            ("cancel", {"reason": " \n"}, "REASON_REQUIRED"),
            ("complete", {"result_data": {"a": "\x00"}}, "INVALID_RESULT"),
        ],
    )
    def test_what_the_operation_refuses_is_told(self, service, path, verb, change, code, unchanged):
        problem_of(service.post(f"{path}/{verb}", body(verb) | change), 400, code)
        assert unchanged()

    def test_a_handler_that_does_not_allow_editing(self, service, path, unchanged):
        problem_of(service.post(f"{path}/edit", body("edit")), 409, "NOT_EDITABLE")
        assert unchanged()

    @RESOLVING
    def test_the_key_is_required(self, service, path, verb, unchanged):
        response = service.client.post(f"{path}/{verb}", body(verb), format="json")
        problem_of(response, 400, "IDEMPOTENCY_KEY_MISSING")
        assert unchanged()

    @RESOLVING
    def test_what_is_not_json(self, service, path, verb, unchanged):
        problem_of(service.raw(f"{path}/{verb}", b"{"), 400, "MALFORMED_REQUEST")
        problem_of(service.raw(f"{path}/{verb}", b"[]"), 400, "INVALID_REQUEST")
        assert unchanged()


@RESOLVING
def test_one_parked_anew_is_refused(service, path, entry, verb, story, request):
    story.on("C", permanent("OTHER", "another error"))
    operations.retry(entry.pk, operator="bob")
    run_until_idle()
    unchanged = request.getfixturevalue("unchanged")
    problem = problem_of(service.post(f"{path}/{verb}", body(verb)), 409, "NOT_PARKED")
    assert "parked anew" in problem["detail"]
    assert unchanged()
    assert TsqEntry.objects.get().deliveries == 2


class TestAccess:
    @pytest.fixture
    def entry(self, db) -> Command:
        return park_alone()

    @RESOLVING
    def test_each_needs_its_own_permission(self, path, verb, unchanged):
        others = [name for name in EVERYTHING if name != f"tsq.{verb}_tsqentry"]
        service = Service(*others)
        problem_of(service.post(f"{path}/{verb}", body(verb)), 403, "PERMISSION_DENIED")
        assert unchanged()

    @RESOLVING
    def test_and_that_to_see_entries(self, path, verb, unchanged):
        service = Service(*(name for name in EVERYTHING if name != VIEW))
        problem_of(service.post(f"{path}/{verb}", body(verb)), 403, "PERMISSION_DENIED")
        assert unchanged()

    @RESOLVING
    def test_another_domain_is_not_there(self, elsewhere, path, verb, unchanged):
        for more in ({}, {"if_match": '"old"'}):
            problem_of(elsewhere.post(f"{path}/{verb}", body(verb), **more), 404, "NOT_FOUND")
        assert unchanged()

    @RESOLVING
    def test_an_unknown_entry(self, service, verb):
        for pk in (uuid.uuid4(), CommandFactory(failed=True).pk):
            problem_of(service.post(f"{ENTRIES}/{pk}/{verb}", body(verb)), 404, "NOT_FOUND")

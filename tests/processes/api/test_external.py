"""Claim commands over REST, keep them, and tell what came of them."""

import time
import uuid
from datetime import datetime

import pytest
from django.db import connection

from processes.bus.external import claim_external
from processes.bus.models import Command, CommandEvent, Reply
from processes.idempotency import KeptAnswer
from tests.bus.delivering import event_types, last_event, reply_outcomes, send, stored
from tests.factories import CommandFactory
from tests.support.ids import NOBODYS_ID
from tests.support.service import COMMANDS, Service, problem_of
from tests.support.sessions import in_other_session, wait_until
from tests.support.three_steps import DOMAIN
from tsq.operations import complete

pytestmark = pytest.mark.django_db

CLAIM = f"{COMMANDS}/claim"
WANTED = {"domain": DOMAIN, "types": ["Ship"], "limit": 1}
OUTCOMES = {
    "extend": {"lease_seconds": 60},
    "release": {},
    "succeed": {"result": {"parcel": 7}},
    "fail": {"kind": "permanent", "code": "BROKEN", "message": "no way"},
}

every_verb = pytest.mark.parametrize("verb", OUTCOMES)


@pytest.fixture(autouse=True)
def ship(register_external):
    register_external("Ship", lease=30, backoff=(10,), max_attempts=2)


def handed_out(service: Service, **more) -> list[dict]:
    response = service.post(CLAIM, WANTED | more)
    assert response.status_code == 200, response.content
    return response.json()["commands"]


def of(command: Command, verb: str) -> str:
    return f"{COMMANDS}/{command.pk}/{verb}"


def told(verb: str, deliveries: int = 1) -> dict:
    return OUTCOMES[verb] | {"deliveries": deliveries}


def everything() -> list:
    """All that a refused call must leave as it was."""
    rows = [model.objects.order_by("pk").values() for model in (Command, Reply, CommandEvent)]
    return [list(values) for values in rows]


class TestClaim:
    def test_a_delivery_has_all_a_service_needs(self, service, clock):
        command = send("Ship", {"to": "Bern"}, correlation_id=uuid.UUID(int=1))

        (delivery,) = handed_out(service, lease_seconds=60)

        lease_until = datetime.fromisoformat(delivery.pop("lease_until"))
        assert (lease_until - clock.now()).total_seconds() == pytest.approx(60, abs=2)
        assert delivery == {
            "command_id": str(command.pk),
            "command_type": "Ship",
            "domain": DOMAIN,
            "data": {"to": "Bern"},
            "correlation_id": str(uuid.UUID(int=1)),
            "attempt": 1,
            "max_attempts": 2,
            "deliveries": 1,
        }
        assert stored(command).status == "IN_PROGRESS"

    def test_no_types_are_all_external_ones_of_the_domain(self, service, register_external):
        register_external("Pack")
        register_external("Elsewhere", domain="other")
        for name in ("Ship", "Pack"):
            send(name)
        CommandFactory(domain="other", command_type="Elsewhere")

        deliveries = handed_out(service, types=[], limit=100)

        assert [delivery["command_type"] for delivery in deliveries] == ["Ship", "Pack"]

    def test_nothing_due_is_an_empty_list_at_once(self, service):
        started = time.monotonic()
        assert handed_out(service) == []
        assert time.monotonic() - started < 1

    def test_the_same_key_answers_with_the_same_commands(self, service):
        for _ in range(2):
            send("Ship")

        first, again = (service.post(CLAIM, WANTED, key="k") for _ in range(2))

        assert first.json() == again.json()
        assert again["Idempotency-Replayed"] == "true"
        assert Command.objects.filter(status="IN_PROGRESS").count() == 1

    def test_a_type_that_is_not_external_is_refused_naming_those_that_are(
        self, service, register_handler
    ):
        register_handler("Local", lambda _: None)
        send("Local")
        before = everything()
        refused = service.post(CLAIM, WANTED | {"types": ["Local"]})
        assert "those that are: Ship" in problem_of(refused, 400, "NOT_EXTERNAL")["detail"]
        assert everything() == before

    def test_another_domain_is_refused(self):
        send("Ship")
        before = everything()
        service = Service("bus.execute_command", domain="elsewhere")
        problem_of(service.post(CLAIM, WANTED | {"wait_seconds": 20}), 403, "OTHER_DOMAIN")
        assert everything() == before

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"limit": 0}, "/limit"),
            ({"limit": 101}, "/limit"),
            ({"limit": "1"}, "/limit"),
            ({"lease_seconds": 0}, "/lease_seconds"),
            ({"lease_seconds": 3601}, "/lease_seconds"),
            ({"wait_seconds": 21}, "/wait_seconds"),
            ({"wait_seconds": -1}, "/wait_seconds"),
            ({"types": None}, "/types"),
            ({"types": "Ship"}, "/types"),
            ({"types": [7]}, "/types/0"),
            ({"domain": ""}, "/domain"),
            ({"worker": "me"}, "/worker"),
        ],
    )
    def test_a_wrong_field_is_named(self, service, wrong, field):
        send("Ship")
        before = everything()
        problem = problem_of(service.post(CLAIM, WANTED | wrong), 400, "INVALID_REQUEST")
        assert [error["field"] for error in problem["errors"]] == [field]
        assert everything() == before

    @pytest.mark.parametrize("missing", WANTED)
    def test_a_missing_field_is_named(self, service, missing):
        body = {name: value for name, value in WANTED.items() if name != missing}
        problem = problem_of(service.post(CLAIM, body), 400, "INVALID_REQUEST")
        assert [error["field"] for error in problem["errors"]] == [f"/{missing}"]

    def test_what_is_no_json_is_refused_as_such_and_the_answer_kept(self, service):
        problem_of(service.raw(CLAIM, b"{"), 400, "MALFORMED_REQUEST")
        assert KeptAnswer.objects.get().status == 400


@pytest.mark.django_db(transaction=True)
class TestLongPoll:
    def test_it_ends_early_when_something_is_due(self, service):
        asked = in_other_session(lambda: handed_out(service, wait_seconds=20))
        wait_until(asks_and_holds_nothing)
        command = send("Ship")

        (delivery,) = asked.result(5)

        assert delivery["command_id"] == str(command.pk)

    def test_it_waits_no_longer_than_asked_and_answers_with_none(self, service):
        started = time.monotonic()
        assert handed_out(service, wait_seconds=1) == []
        assert 1 <= time.monotonic() - started < 3


def asks_and_holds_nothing() -> bool:
    """Some session has asked what is due, and is in no transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND state = 'idle' AND query LIKE '%lane(command_type)%'"
        )
        return cursor.fetchone()[0] > 0


class TestOutcomes:
    @pytest.fixture
    def command(self, service) -> Command:
        command = send("Ship")
        handed_out(service)
        return command

    def test_success_settles_it_with_the_result_for_its_sender(self, service, command):
        response = service.post(of(command, "succeed"), told("succeed"))

        assert response.status_code == 200
        shown = response.json()
        assert (shown["command_id"], shown["status"]) == (str(command.pk), "COMPLETED")
        assert (shown["attempts"], shown["max_attempts"]) == (1, 2)
        assert Reply.objects.get().data == {"parcel": 7}
        assert (last_event(command).type, last_event(command).actor) == ("COMPLETED", "shop")

    @pytest.mark.parametrize("result", [{}, {"result": None}])
    def test_success_needs_no_result(self, service, command, result):
        response = service.post(of(command, "succeed"), {"deliveries": 1} | result)
        assert response.json()["status"] == "COMPLETED"
        assert Reply.objects.get().data is None

    @pytest.mark.parametrize(
        ("kind", "status", "replies"),
        [
            ("transient", "PENDING", []),
            ("permanent", "IN_TROUBLESHOOTING_QUEUE", ["PARKED"]),
            ("business", "FAILED", ["FAILED"]),
        ],
    )
    def test_each_kind_of_failure_leads_where_it_must(
        self, service, command, kind, status, replies
    ):
        body = {"kind": kind, "code": "BUSY", "message": "later", "details": {"asked": 3}}
        response = service.post(of(command, "fail"), body | {"deliveries": 1})

        assert response.json()["status"] == status
        assert stored(command).last_error_code == "BUSY"
        assert reply_outcomes(command) == replies
        assert last_event(command).details["details"] == {"asked": 3}
        assert last_event(command).actor == "shop"

    def test_a_released_one_is_due_again_and_its_attempt_does_not_count(self, service, command):
        response = service.post(of(command, "release"), {"deliveries": 1, "why": "deploy"})

        assert (response.json()["status"], response.json()["attempts"]) == ("PENDING", 0)
        assert (last_event(command).type, last_event(command).actor) == ("RELEASED", "shop")
        assert last_event(command).details["why"] == "deploy"
        (delivery,) = handed_out(service)
        assert (delivery["attempt"], delivery["deliveries"]) == (1, 2)

    def test_a_lease_is_extended_from_now_on(self, service, command, clock):
        clock.advance(20)
        response = service.post(of(command, "extend"), told("extend"))

        lease_until = datetime.fromisoformat(response.json()["lease_until"])
        assert stored(command).available_at == lease_until
        assert (lease_until - clock.now()).total_seconds() == pytest.approx(60, abs=2)

    @every_verb
    def test_a_lost_claim_is_a_conflict_that_says_what_happened(self, service, command, verb):
        service.post(of(command, "succeed"), {"deliveries": 1})
        done = last_event(command)
        before = stored(command).updated_at

        problem = problem_of(service.post(of(command, verb), told(verb)), 409, "CLAIM_LOST")

        assert (problem["state"], problem["actor"]) == ("COMPLETED", "shop")
        assert problem["action"] == "COMPLETED"
        assert datetime.fromisoformat(problem["at"]) == done.at
        assert stored(command).updated_at == before
        assert Reply.objects.count() == 1

    @every_verb
    def test_the_log_keeps_an_outcome_that_came_too_late(self, service, command, verb):
        service.post(of(command, "succeed"), {"deliveries": 1})

        refused, again = (service.post(of(command, verb), told(verb), key="k") for _ in range(2))

        problem_of(refused, 409, "CLAIM_LOST")
        assert again["Idempotency-Replayed"] == "true"
        late = ["LATE_OUTCOME"] if verb in ("succeed", "fail") else []
        assert event_types(command) == ["SENT", "COMPLETED", *late]
        if late:
            assert (last_event(command).actor, last_event(command).delivery) == ("shop", 1)

    @every_verb
    def test_a_delivery_that_was_handed_out_anew_is_a_conflict(self, service, command, verb):
        service.post(of(command, "release"), told("release"))
        handed_out(service)
        problem = problem_of(service.post(of(command, verb), told(verb)), 409, "CLAIM_LOST")
        assert problem["state"] == "IN_PROGRESS"
        assert (stored(command).status, stored(command).deliveries) == ("IN_PROGRESS", 2)

    @every_verb
    def test_ids_that_are_unknown_or_of_other_domains_are_not_found(self, command, verb):
        service = Service("bus.execute_command", username="stranger", domain="elsewhere")
        before = everything()
        hidden = problem_of(service.post(of(command, verb), told(verb)), 404, "NOT_FOUND")
        missing = f"{COMMANDS}/{uuid.uuid4()}/{verb}"
        unknown = problem_of(service.post(missing, told(verb)), 404, "NOT_FOUND")
        assert hidden["detail"] == unknown["detail"]
        assert everything() == before

    @every_verb
    def test_a_command_that_is_executed_here_is_refused(self, service, verb):
        command = CommandFactory(command_type="Local", in_progress=True)
        before = everything()
        problem_of(service.post(of(command, verb), told(verb)), 400, "NOT_EXTERNAL")
        assert everything() == before

    @pytest.mark.parametrize(
        ("verb", "wrong", "field"),
        [
            *((verb, {"deliveries": 0}, "/deliveries") for verb in OUTCOMES),
            *((verb, {"deliveries": True}, "/deliveries") for verb in OUTCOMES),
            *((verb, {"deliveries": 2**31}, "/deliveries") for verb in OUTCOMES),
            *((verb, {"worker": "me"}, "/worker") for verb in OUTCOMES),
            ("extend", {"lease_seconds": 0}, "/lease_seconds"),
            ("release", {"why": 7}, "/why"),
            ("succeed", {"result": [1]}, "/result"),
            ("fail", {"kind": "fatal"}, "/kind"),
            ("fail", {"code": ""}, "/code"),
            ("fail", {"message": None}, "/message"),
            ("fail", {"details": "much"}, "/details"),
        ],
    )
    def test_a_wrong_field_is_named(self, service, command, verb, wrong, field):
        before = everything()
        refused = service.post(of(command, verb), told(verb) | wrong)
        problem = problem_of(refused, 400, "INVALID_REQUEST")
        assert [error["field"] for error in problem["errors"]] == [field]
        assert everything() == before

    @pytest.mark.parametrize(
        ("verb", "odd", "code"),
        [
            ("succeed", {"result": {"x": "a\x00b"}}, "INVALID_RESULT"),
            ("fail", {"message": "  "}, "INVALID_COMMAND_DATA"),
            ("fail", {"code": "a\nb"}, "INVALID_COMMAND_DATA"),
            ("fail", {"details": {"x": "a\x00b"}}, "INVALID_COMMAND_DATA"),
        ],
    )
    def test_what_cannot_be_kept_is_refused(self, service, command, verb, odd, code):
        before = everything()
        problem_of(service.post(of(command, verb), told(verb) | odd), 400, code)
        assert everything() == before


@pytest.mark.parametrize("path", [CLAIM, *(f"{COMMANDS}/{NOBODYS_ID}/{v}" for v in OUTCOMES)])
def test_it_needs_its_own_permission(path):
    service = Service("bus.send_command", "bus.view_command")
    problem_of(service.post(path, {}), 403, "PERMISSION_DENIED")
    assert not KeptAnswer.objects.exists()


def test_what_an_operator_did_meanwhile_is_told(service):
    command = send("Ship")
    (delivery,) = claim_external(DOMAIN, [], limit=1)
    service.post(of(command, "fail"), told("fail"))
    complete(command.pk, operator="ann")

    refused = service.post(of(command, "succeed"), told("succeed", delivery.deliveries))

    problem = problem_of(refused, 409, "CLAIM_LOST")
    assert (problem["state"], problem["actor"]) == ("COMPLETED", "ann")
    assert problem["action"] == "OPERATOR_COMPLETE"

"""Stuck replies: listed, shown, handled again, given up."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import ProcessStepFactory, ReplyFactory
from tests.scenarios.acting import raising
from tests.support.service import STUCK_REPLIES, Service, problem_of
from tests.support.three_steps import Story
from tests.tsq.api.conftest import EVERYTHING, action, status_after_work
from tsq import operations
from tsq.models import StuckReply

pytestmark = pytest.mark.django_db

VERBS = {"handle-again": {"note": "mended"}, "give-up": {"reason": "no way"}}
RESOLVING = pytest.mark.parametrize("verb", list(VERBS))
NOBODY_IS = 10**9


@pytest.fixture
def stuck(story: Story, clock) -> StuckReply:
    """The reply to step A, which the manager could not take until just now."""
    take = story.manager.handle_reply
    story.manager.handle_reply = raising(LookupError("the map is lost"))
    story.start()
    for _ in range(5):
        run_until_idle()
        clock.advance(61)
    story.manager.handle_reply = take
    return StuckReply.objects.get()


@pytest.fixture
def path(stuck: StuckReply) -> str:
    return f"{STUCK_REPLIES}/{stuck.pk}"


def body(verb: str, reply: StuckReply) -> dict:
    return VERBS[verb] | {"seen": reply.version}


class TestLooking:
    def test_it_is_listed_with_its_error_and_its_process(self, service, stuck):
        (shown,) = service.get(STUCK_REPLIES).json()["results"]
        assert (shown["id"], shown["version"], shown["tries"]) == (stuck.pk, stuck.version, 5)
        assert shown["last_error"] == "LookupError: the map is lost"
        assert (shown["command_type"], shown["outcome"]) == ("A", "SUCCESS")
        assert shown["process"]["id"] == str(stuck.correlation_id)
        assert shown["process"]["status"] == "WAITING_FOR_REPLY"
        assert "data" not in shown

    def test_the_detail_tells_what_it_carries_and_what_became_of_it(self, service, stuck, path):
        assert service.get(path).json()["data"] == {"did": "A"}
        operations.handle_again(stuck.pk, operator="ann", note="mended")
        shown = service.get(path).json()
        assert (shown["tries"], shown["actions"][0]["action"]) == (0, "handle_again")

    def test_the_words_choose(self, service):
        ReplyFactory(stuck=True)
        other = ReplyFactory(stuck=True, failed=True, command__domain="other")
        for query in ({"domain": "other"}, {"outcome": "FAILED"}, {"id": other.pk}):
            (shown,) = service.get(STUCK_REPLIES, query).json()["results"]
            assert shown["id"] == other.pk
        problem_of(service.get(STUCK_REPLIES, {"outcome": "x"}), 400, "INVALID_FILTER")

    @pytest.mark.parametrize(
        "number", ["0.5", "1e3", "-1", "1_0", "\N{ARABIC-INDIC DIGIT ONE}", 2**63]
    )
    def test_an_id_is_a_whole_number(self, service, number):
        problem_of(service.get(STUCK_REPLIES, {"id": number}), 400, "INVALID_FILTER")
        assert service.get(STUCK_REPLIES, {"id": 2**63 - 1}).json()["results"] == []

    def test_many_cost_as_few_queries_as_one(self, service):
        replies = ReplyFactory.create_batch(10, stuck=True)
        for reply in replies:
            ProcessStepFactory(command_id=reply.command_id)
        service.get(STUCK_REPLIES)
        with CaptureQueriesContext(connection) as queries:
            shown = service.get(STUCK_REPLIES).json()["results"]
        assert [row["id"] for row in shown] == sorted(reply.pk for reply in replies)
        assert len(queries) <= 6


class TestDoing:
    def test_handled_again_it_lets_the_process_go_on(self, service, stuck, path):
        response = service.post(f"{path}/handle-again", body("handle-again", stuck))
        assert (response.status_code, response.json()["tries"]) == (200, 0)
        assert action() == ("handle_again", "shop", "api", response["X-Request-ID"], "mended")
        assert status_after_work(Process.objects.get()) == ProcessStatus.COMPLETED

    def test_given_up_it_fails_the_process(self, service, stuck, path):
        response = service.post(f"{path}/give-up", body("give-up", stuck))
        assert response.json()["handled_at"]
        assert response.json()["process"]["status"] == "FAILED"
        assert action() == ("give_up", "shop", "api", response["X-Request-ID"], "no way")

    @RESOLVING
    def test_the_same_key_has_one_effect(self, service, stuck, path, verb):
        first, second = (
            service.post(f"{path}/{verb}", body(verb, stuck), key="k") for _ in range(2)
        )
        assert (first.status_code, first.content) == (200, second.content)
        assert OperatorAction.objects.count() == 1


class TestRefusing:
    @RESOLVING
    def test_one_that_is_not_stuck_tells_by_whom(self, service, stuck, path, verb, request):
        operations.give_up(stuck.pk, operator="ann", reason="x")
        unchanged = request.getfixturevalue("unchanged")
        problem = problem_of(service.post(f"{path}/{verb}", body(verb, stuck)), 409, "NOT_STUCK")
        told = (problem["state"], problem["actor"], problem["action"])
        assert told == ("HANDLED", "ann", "give_up")
        assert unchanged()

    @RESOLVING
    def test_another_version_is_refused(self, service, stuck, path, verb, unchanged):
        wanted = body(verb, stuck) | {"seen": stuck.version - 1}
        problem = problem_of(service.post(f"{path}/{verb}", wanted), 409, "NOT_STUCK")
        assert "stuck anew" in problem["detail"]
        assert unchanged()

    @pytest.mark.parametrize(
        ("verb", "change", "field"),
        [
            ("handle-again", {"seen": None}, "/seen"),
            ("handle-again", {"x": 1}, "/x"),
            ("handle-again", {"reason": "x"}, "/reason"),
            ("give-up", {"seen": "1"}, "/seen"),
            ("give-up", {"reason": ""}, "/reason"),
        ],
    )
    def test_a_wrong_body_names_the_field(
        self, service, stuck, path, verb, change, field, unchanged
    ):
        response = service.post(f"{path}/{verb}", body(verb, stuck) | change)
        assert problem_of(response, 400, "INVALID_REQUEST")["errors"][0]["field"] == field
        assert unchanged()

    @RESOLVING
    def test_the_key_is_required(self, service, stuck, path, verb, unchanged):
        response = service.client.post(f"{path}/{verb}", body(verb, stuck), format="json")
        problem_of(response, 400, "IDEMPOTENCY_KEY_MISSING")
        assert unchanged()


class TestAccess:
    @RESOLVING
    def test_each_needs_its_own_permission(self, stuck, path, verb, unchanged):
        own = f"tsq.{verb.replace('-', '_')}_stuckreply"
        service = Service(*(name for name in EVERYTHING if name != own))
        problem_of(service.post(f"{path}/{verb}", body(verb, stuck)), 403, "PERMISSION_DENIED")
        assert unchanged()

    def test_without_permission_nothing_is_shown(self, path):
        service = Service("tsq.view_tsqentry")
        for place in (STUCK_REPLIES, path):
            problem_of(service.get(place), 403, "PERMISSION_DENIED")

    @RESOLVING
    def test_another_domain_is_not_there(self, elsewhere, stuck, path, verb, unchanged):
        assert elsewhere.get(STUCK_REPLIES).json()["results"] == []
        problem_of(elsewhere.get(path), 404, "NOT_FOUND")
        problem_of(elsewhere.post(f"{path}/{verb}", body(verb, stuck)), 404, "NOT_FOUND")
        assert unchanged()

    @pytest.mark.parametrize("pk", [NOBODY_IS, 10**30, "9" * 5000, "x"])
    def test_an_unknown_id(self, service, pk):
        problem_of(service.get(f"{STUCK_REPLIES}/{pk}"), 404, "NOT_FOUND")

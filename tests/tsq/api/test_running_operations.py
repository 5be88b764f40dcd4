"""A bulk operation from beginning to outcomes: shown, steered, run by the workers' tasks."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import CommandFactory
from tests.support.behaviours import permanent, succeed
from tests.support.service import OPERATIONS, Service, problem_of
from tests.support.three_steps import Story
from tests.tsq.api.conftest import EVERYTHING
from tests.tsq.bulk.test_running import failing
from tsq import operations, tasks
from tsq.models import BulkItem, BulkOperation, TsqEntry

pytestmark = pytest.mark.django_db

WORDS = ("pause", "resume", "stop", "retry-failures")


def work() -> None:
    """What a worker does with the turns that are queued."""
    for operation in BulkOperation.objects.filter(status="RUNNING"):
        tasks.run_chunk(operation.pk, operation.available_at)


@pytest.fixture
def begun(service) -> Callable[..., str]:
    """``begun("cancel")``: the path of an operation over three entries that may fail."""

    def begin(verb: str = "retry") -> str:
        CommandFactory.create_batch(3, parked=True)
        arguments = {"reason": "x"} if verb == "cancel" else {"note": "x"}
        wanted = {"verb": verb, "filter": {}, "arguments": arguments}
        return service.post(OPERATIONS, wanted)["Location"]

    return begin


class TestFromBeginningToEnd:
    def test_a_group_is_retried_and_its_processes_go_on(self, service, story: Story):
        story.on("B", permanent("DISK_FULL", "No space left"))
        processes = story.start_many(4)
        run_until_idle()
        story.on("B", succeed({}))
        match = {"verb": "retry", "filter": {"error_code": "DISK_FULL"}}
        count = service.post(OPERATIONS, match | {"dry_run": True}).json()["count"]
        begun = service.post(OPERATIONS, match | {"expected_count": count})
        gone, *_ = TsqEntry.objects.order_by("parked_at", "id")
        operations.cancel(gone.pk, operator="bob", reason="customer left")
        work()

        shown = service.get(begun["Location"])
        assert shown.json()["status"] == "FINISHED"
        assert shown.json()["progress"] == {
            "total": 4,
            "open": 0,
            "done": 3,
            "skipped": 1,
            "failed": 0,
        }
        assert shown.json()["finished_at"]
        assert "Retry-After" not in shown
        (skipped,) = service.get(f"{begun['Location']}/items?outcome=SKIPPED").json()["results"]
        assert skipped["entry"] == str(gone.pk)
        assert "cancel by bob" in skipped["message"]
        acted = OperatorAction.objects.filter(operator="shop", request_id=begun["X-Request-ID"])
        assert list(acted.values_list("action", "channel")) == [
            ("confirm", "api"),
            *[("retry", "api")] * 3,
        ]
        run_until_idle()
        statuses = sorted(Process.objects.values_list("status", flat=True))
        assert statuses == [ProcessStatus.COMPENSATED, *[ProcessStatus.COMPLETED] * 3]
        assert len(processes) == 4

    def test_what_is_parked_later_is_not_touched(self, service, begun):
        begun("cancel")
        late = CommandFactory(parked=True)
        work()
        assert TsqEntry.objects.get().pk == late.pk

    def test_who_lost_the_permission_meanwhile_does_nothing_more(self, service, begun):
        path = begun("cancel")
        service.user.user_permissions.clear()
        work()
        assert TsqEntry.objects.count() == 3
        boss = Service(*EVERYTHING, username="boss")
        assert boss.get(path).json()["progress"]["failed"] == 3


class TestShowing:
    def test_the_newest_comes_first_without_drafts(self, service, begun):
        paths = [begun() for _ in range(3)]
        BulkOperation.objects.create(verb="retry", operator="ann", channel="admin")
        shown = service.get(OPERATIONS).json()["results"]
        assert [f"{OPERATIONS}/{row['id']}" for row in shown] == paths[::-1]
        page = service.get(f"{OPERATIONS}?limit=2").json()
        assert len(service.get(page["next"]).json()["results"]) == 1

    @pytest.mark.parametrize("query", [{"status": "RUNNING"}, {"verb": "cancel"}])
    def test_the_words_choose(self, service, begun, query):
        begun("retry")
        work()
        path = begun("cancel")
        (shown,) = service.get(OPERATIONS, query).json()["results"]
        assert path.endswith(shown["id"])

    @pytest.mark.parametrize("query", [{"status": "DRAFT"}, {"verb": "edit"}, {"x": "1"}])
    def test_other_words_are_refused(self, service, query):
        problem_of(service.get(OPERATIONS, query), 400, "INVALID_FILTER")

    def test_a_draft_is_nobodys(self, service):
        draft = BulkOperation.objects.create(verb="retry", operator="shop", channel="admin")
        problem_of(service.get(f"{OPERATIONS}/{draft.pk}"), 404, "NOT_FOUND")
        problem_of(service.post(f"{OPERATIONS}/{draft.pk}/stop", {}), 404, "NOT_FOUND")

    def test_the_items_in_order_page_by_page(self, service, begun):
        url, found = f"{begun()}/items?limit=2", []
        while url:
            page = service.get(url).json()
            found += page["results"]
            url = page["next"]
        assert [row["id"] for row in found] == list(BulkItem.objects.values_list("pk", flat=True))
        assert {(row["outcome"], row["command_type"], row["seen"]) for row in found} == {
            ("OPEN", "Test", 1)
        }

    def test_the_items_by_outcome(self, service, begun):
        path = begun()
        work()
        assert len(service.get(f"{path}/items?outcome=DONE").json()["results"]) == 3
        for outcome in ("OPEN", "FAILED", "SKIPPED"):
            assert service.get(f"{path}/items", {"outcome": outcome}).json()["results"] == []
        problem_of(service.get(f"{path}/items?outcome=x"), 400, "INVALID_FILTER")

    def test_many_cost_as_few_queries_as_one(self, service, begun):
        paths = [begun() for _ in range(5)]
        for place in (OPERATIONS, f"{paths[0]}/items"):
            service.get(place)
            with CaptureQueriesContext(connection) as queries:
                assert len(service.get(place).json()["results"]) >= 3
            assert len(queries) <= 6


class TestSteering:
    def test_held_it_does_nothing_until_it_goes_on(self, service, begun):
        path = begun()
        assert service.post(f"{path}/pause", {}).json()["status"] == "PAUSED"
        work()
        assert TsqEntry.objects.count() == 3
        assert service.post(f"{path}/resume", {}).json()["status"] == "RUNNING"
        work()
        assert not TsqEntry.objects.exists()

    def test_stopped_it_ends(self, service, begun):
        path = begun()
        stopped = service.post(f"{path}/stop", {})
        audited = OperatorAction.objects.get(action="stop")
        assert (audited.operator, audited.channel) == ("shop", "api")
        assert audited.request_id == stopped["X-Request-ID"]
        assert stopped.json()["status"] == "STOPPED"
        assert "Retry-After" not in stopped
        problem = problem_of(service.post(f"{path}/resume", {}), 409, "BULK_MOVED_ON")
        assert (problem["state"], problem["actor"]) == ("STOPPED", "shop")
        assert TsqEntry.objects.count() == 3

    def test_its_failures_are_retried(self, service, begun):
        path = begun()
        with failing(TsqEntry.objects.earliest("parked_at").pk):
            work()
        (failed,) = service.get(f"{path}/items?outcome=FAILED").json()["results"]
        assert "not this one" in failed["message"]
        again = service.post(f"{path}/retry-failures", {}).json()
        assert (again["status"], again["progress"]["open"]) == ("RUNNING", 1)
        work()
        assert service.get(path).json()["progress"]["done"] == 3

    def test_without_failures_there_is_nothing_to_retry(self, service, begun):
        path = begun()
        work()
        problem_of(service.post(f"{path}/retry-failures", {}), 409, "BULK_MOVED_ON")

    @pytest.mark.parametrize("word", WORDS)
    def test_it_takes_no_fields_and_needs_a_key(self, service, begun, word):
        path = begun()
        problem_of(service.post(f"{path}/{word}", {"x": 1}), 400, "INVALID_REQUEST")
        keyless = service.client.post(f"{path}/{word}", {}, format="json")
        problem_of(keyless, 400, "IDEMPOTENCY_KEY_MISSING")
        assert BulkOperation.objects.get().status == "RUNNING"


class TestAccess:
    @pytest.mark.parametrize("word", WORDS)
    @pytest.mark.parametrize("lacking", ["tsq.view_bulkoperation", "tsq.retry_tsqentry"])
    def test_steering_needs_the_permission_for_the_verb(self, begun, word, lacking):
        path = begun("retry")
        other = Service(*(p for p in EVERYTHING if p != lacking), username="other")
        problem_of(other.post(f"{path}/{word}", {}), 403, "PERMISSION_DENIED")
        assert BulkOperation.objects.get().status == "RUNNING"

    def test_one_with_entries_of_other_domains_is_not_there(self, service, elsewhere, begun):
        path = begun()
        assert elsewhere.get(OPERATIONS).json()["results"] == []
        for place in (path, f"{path}/items"):
            problem_of(elsewhere.get(place), 404, "NOT_FOUND")
        for word in WORDS:
            problem_of(elsewhere.post(f"{path}/{word}", {}), 404, "NOT_FOUND")
        assert BulkOperation.objects.get().status == "RUNNING"

    def test_without_permission_nothing_is_shown(self, begun):
        path = begun()
        other = Service("tsq.view_tsqentry", username="other")
        for place in (OPERATIONS, path, f"{path}/items"):
            problem_of(other.get(place), 403, "PERMISSION_DENIED")

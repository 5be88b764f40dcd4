"""Start, list, show and compensate processes over REST."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.bus import sql
from processes.bus.models import Command
from processes.models import DomainLimit, OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import ProcessFactory
from tests.support.service import PROCESSES, Service, problem_of
from tests.support.three_steps import DOMAIN, PROCESS_TYPE

pytestmark = pytest.mark.django_db

WANTED = {"process_type": PROCESS_TYPE, "data": {"account": 7}}


class TestStart:
    def test_a_process_is_started(self, service, story):
        response = service.post(PROCESSES, WANTED)

        assert response.status_code == 201
        process = Process.objects.get()
        assert process.data == {"account": 7}
        assert Command.objects.get().correlation_id == process.id
        assert response["Location"] == f"{PROCESSES}/{process.id}"
        shown = service.get(response["Location"])
        assert shown["ETag"] == response["ETag"]
        assert response.json() == {
            name: value
            for name, value in shown.json().items()
            if name not in ("data", "state", "steps")
        }
        assert response.json()["status"] == "WAITING_FOR_REPLY"

    def test_the_same_id_finds_the_process_and_starts_no_other(self, service, story):
        wanted = WANTED | {"process_id": str(uuid.uuid4())}
        first, second = service.post(PROCESSES, wanted), service.post(PROCESSES, wanted)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert first["ETag"] == second["ETag"]
        assert Process.objects.count() == Command.objects.count() == 1

    def test_an_id_that_is_taken_is_a_conflict(self, service, story):
        wanted = WANTED | {"process_id": str(uuid.uuid4())}
        service.post(PROCESSES, wanted)
        refused = service.post(PROCESSES, wanted | {"data": {}})
        assert wanted["process_id"] in problem_of(refused, 409, "DUPLICATE_PROCESS")["detail"]
        assert Process.objects.get().data == {"account": 7}

    def test_a_type_that_is_unknown_is_named_with_those_there_are(self, service, story):
        refused = service.post(PROCESSES, {"process_type": "Nope", "data": {}})
        assert PROCESS_TYPE in problem_of(refused, 400, "UNKNOWN_PROCESS_TYPE")["detail"]
        assert not Process.objects.exists()

    def test_data_the_manager_refuses_is_refused(self, service, story, monkeypatch):
        def refuse(self, data):
            raise ValueError("account is missing")

        monkeypatch.setattr(story.manager, "create_initial_state", refuse)
        refused = service.post(PROCESSES, WANTED)
        detail = problem_of(refused, 400, "INVALID_PROCESS_DATA")["detail"]
        assert "account is missing" in detail
        assert not Process.objects.exists()

    def test_another_domain_is_refused(self, story):
        service = Service("processes.start_process", domain="elsewhere")
        problem_of(service.post(PROCESSES, WANTED), 403, "OTHER_DOMAIN")
        assert not Process.objects.exists()


class TestBatch:
    PATH = f"{PROCESSES}/batch"

    def test_many_are_started_each_with_its_outcome(self, service, story):
        there = str(uuid.uuid4())
        service.post(PROCESSES, WANTED | {"process_id": there})
        items = [WANTED, WANTED | {"process_id": there}, WANTED | {"process_id": str(uuid.uuid4())}]

        response = service.post(self.PATH, {"items": items})

        assert response.status_code == 200
        told = response.json()["items"]
        assert [item["index"] for item in told] == [0, 1, 2]
        assert [item["status"] for item in told] == ["started", "existing", "started"]
        assert [item["process"]["id"] for item in told[1:]] == [there, items[2]["process_id"]]
        assert {item["problem"] for item in told} == {None}
        assert Process.objects.count() == Command.objects.count() == 3

    def test_a_bad_item_harms_no_other(self, service, story, monkeypatch):
        def picky(self, data):
            if data.get("bad"):
                raise ValueError("bad is not allowed")
            return self.state_class()

        monkeypatch.setattr(story.manager, "create_initial_state", picky)
        taken, twice = str(uuid.uuid4()), str(uuid.uuid4())
        service.post(PROCESSES, WANTED | {"process_id": taken})
        items = [
            WANTED,
            WANTED | {"data": {"bad": True}},
            {"process_type": "Nope", "data": {}},
            WANTED | {"process_id": taken, "data": {}},
            WANTED | {"data": {"a": "\x00"}},
            WANTED | {"process_id": twice},
            WANTED | {"process_id": twice},
            WANTED,
        ]

        told = service.post(self.PATH, {"items": items}).json()["items"]

        assert [item["problem"] and item["problem"]["code"] for item in told] == [
            None,
            "INVALID_PROCESS_DATA",
            "UNKNOWN_PROCESS_TYPE",
            "DUPLICATE_PROCESS",
            "INVALID_PROCESS_DATA",
            None,
            "INVALID_PROCESS_DATA",
            None,
        ]
        assert [item["status"] for item in told].count("started") == 3
        assert [bool(item["process"]) for item in told] == [not item["problem"] for item in told]
        assert "bad is not allowed" in told[1]["problem"]["detail"]
        assert Process.objects.count() == Command.objects.count() == 4

    def test_other_domains_are_refused_by_item(self, story, register_manager):
        elsewhere = type("Other", (story.manager,), {"process_type": "Other", "domain": "other"})
        register_manager(elsewhere)
        service = Service("processes.start_process", domain=DOMAIN)
        items = [{"process_type": "Other", "data": {}}, WANTED, {"process_type": "No", "data": {}}]
        told = service.post(self.PATH, {"items": items}).json()["items"]
        codes = [item["problem"] and item["problem"]["code"] for item in told]
        assert codes == ["OTHER_DOMAIN", None, "UNKNOWN_PROCESS_TYPE"]
        assert Process.objects.get().domain == DOMAIN

    def test_it_holds_at_least_one_and_at_most_a_thousand(self, service, story):
        for items in ([], [WANTED] * 1001):
            refused = service.post(self.PATH, {"items": items})
            (fault,) = problem_of(refused, 400, "INVALID_REQUEST")["errors"]
            assert fault["field"] == "/items"
        assert not Process.objects.exists()

    def test_a_thousand_cost_as_many_statements_as_one(self, service, story, monkeypatch):
        run, runs, costs = sql.run, [], []

        def counted(*args):
            runs.append(args)
            return run(*args)

        monkeypatch.setattr(sql, "run", counted)
        for number in (1, 1000):
            runs.clear()
            with CaptureQueriesContext(connection) as queries:
                service.post(self.PATH, {"items": [WANTED] * number})
            costs.append((len(queries), len(runs)))
        assert costs[0] == costs[1]
        assert costs[0][1] == 2  # the processes with their steps, and their commands
        assert Process.objects.count() == 1001


class TestShown:
    def test_the_newest_come_first_without_their_payload(self, service):
        old, new = ProcessFactory(), ProcessFactory(failed=True)
        page = service.get(PROCESSES).json()
        assert [result["id"] for result in page["results"]] == [str(new.id), str(old.id)]
        assert page["results"][0]["error_code"] == "REFUSED"
        assert not {"data", "state", "steps"} & page["results"][0].keys()
        assert (page["next"], page["previous"]) == (None, None)

    def test_they_are_chosen_by_the_words_of_the_console(self, service):
        failed, _ = ProcessFactory(failed=True), ProcessFactory()
        (result,) = service.get(PROCESSES, {"status": "FAILED"}).json()["results"]
        assert result["id"] == str(failed.id)

    def test_one_is_shown_with_its_steps(self, service, failed):
        shown = service.get(f"{PROCESSES}/{failed.id}").json()
        assert (shown["status"], shown["error_code"]) == ("FAILED", "CLOSED")
        assert shown["data"] == {"account": 7}
        assert shown["state"]["results"]["A"] == {"did": "A"}
        assert [(step["step"], step["outcome"]) for step in shown["steps"]] == [
            ("A", "SUCCESS"),
            ("B", "SUCCESS"),
            ("C", "FAILED"),
        ]
        assert shown["steps"][0]["reply_data"] == {"did": "A"}

    def test_a_compensation_names_the_step_it_undoes(self, service, failed):
        path = f"{PROCESSES}/{failed.id}"
        service.post(f"{path}/compensate", {"reason": "asked"})
        run_until_idle()
        steps = service.get(path).json()["steps"]
        assert [(step["direction"], step["compensates"]) for step in steps[2:]] == [
            ("FORWARD", None),
            ("COMPENSATION", 2),
            ("COMPENSATION", 1),
        ]

    def test_its_cost_does_not_grow_with_its_steps(self, service, failed):
        costs = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                service.get(f"{PROCESSES}/{failed.id}")
            costs.append(len(queries))
            service.post(f"{PROCESSES}/{failed.id}/compensate", {"reason": "asked"})
            run_until_idle()
        assert costs[0] == costs[1]

    def test_other_domains_are_not_there(self, service):
        seen, hidden = ProcessFactory(domain="a"), ProcessFactory(failed=True, domain="b")
        DomainLimit.objects.create(user=service.user, domain="a")
        (result,) = service.get(PROCESSES).json()["results"]
        assert result["id"] == str(seen.id)
        for pk in (hidden.id, uuid.uuid4()):
            path = f"{PROCESSES}/{pk}"
            problem_of(service.get(path), 404, "NOT_FOUND")
            refused = service.post(f"{path}/compensate", {"reason": "x"})
            problem_of(refused, 404, "NOT_FOUND")
        assert Process.objects.get(pk=hidden.pk).status == ProcessStatus.FAILED


class TestCompensate:
    def test_a_failed_process_is_compensated_on_request(self, service, failed):
        path = f"{PROCESSES}/{failed.id}"
        before = service.get(path)["ETag"]
        response = service.post(
            f"{path}/compensate", {"reason": "asked"}, x_request_id="r-7", if_match=before
        )

        assert response.status_code == 200
        assert response.json()["status"] == "COMPENSATING"
        assert response["ETag"] == service.get(path)["ETag"] != before
        action = OperatorAction.objects.get()
        assert (action.action, action.operator, action.reason) == ("compensate", "shop", "asked")
        assert (action.channel, action.request_id) == ("api", "r-7")
        run_until_idle()
        assert Process.objects.get(pk=failed.pk).status == ProcessStatus.COMPENSATED

    def test_one_that_is_not_failed_is_a_conflict_that_tells_why(self, service, failed):
        path = f"{PROCESSES}/{failed.id}/compensate"
        service.post(path, {"reason": "asked"})
        problem = problem_of(service.post(path, {"reason": "again"}), 409, "NOT_FAILED")
        assert problem["state"] == "COMPENSATING"
        assert (problem["actor"], problem["action"]) == ("shop", "compensate")
        assert problem["at"] is not None
        assert OperatorAction.objects.count() == 1

    @pytest.mark.parametrize(
        ("reason", "code"), [("", "INVALID_REQUEST"), ("  ", "REASON_REQUIRED")]
    )
    def test_it_needs_a_reason(self, service, failed, reason, code):
        refused = service.post(f"{PROCESSES}/{failed.id}/compensate", {"reason": reason})
        problem_of(refused, 400, code)
        assert Process.objects.get(pk=failed.pk).status == ProcessStatus.FAILED
        assert not OperatorAction.objects.exists()

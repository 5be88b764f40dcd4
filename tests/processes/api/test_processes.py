"""Start, list, show and compensate processes over REST."""

import uuid

import pytest

from processes.bus.models import Command
from processes.models import Process
from tests.support.service import PROCESSES, Service, problem_of
from tests.support.three_steps import PROCESS_TYPE

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

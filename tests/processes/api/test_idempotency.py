"""Once per Idempotency-Key: one effect, and the same answer however often it is asked for."""

import json
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.response import Response

from processes.api.views.processes import ProcessesView
from processes.bus.errors import DuplicateProcess
from processes.idempotency import KeptAnswer, forget_old_requests, try_lock
from processes.models import Process
from processes.starting import start_process
from tests.support.service import PROCESSES, Service, problem_of
from tests.support.sessions import in_other_session, run_together
from tests.support.three_steps import PROCESS_TYPE

WANTED = {"process_type": PROCESS_TYPE, "data": {"account": 7}}


@pytest.mark.django_db
class TestAnswers:
    def test_a_retry_gets_the_stored_answer_and_changes_nothing(self, service, story):
        first = service.post(PROCESSES, WANTED, key="k")
        again = service.post(PROCESSES, WANTED, key="k")

        assert (again.status_code, again.content) == (201, first.content)
        for name in ("Location", "ETag", "Content-Type"):
            assert again[name] == first[name]
        assert again["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first
        assert again["X-Request-ID"] != first["X-Request-ID"]
        assert Process.objects.count() == 1

    def test_without_a_key_nothing_is_done(self, service, story):
        refused = service.client.post(PROCESSES, WANTED, format="json")
        problem_of(refused, 400, "IDEMPOTENCY_KEY_MISSING")
        assert not Process.objects.exists()

    @pytest.mark.parametrize("key", ["\u00e4", "x" * 256, "a\tb", ""])
    def test_a_key_that_will_not_do_is_refused(self, service, story, key):
        refused = service.raw(PROCESSES, json.dumps(WANTED), headers={"Idempotency-Key": key})
        problem_of(refused, 400, "IDEMPOTENCY_KEY_INVALID")
        assert not Process.objects.exists()

    def test_odd_keys_that_are_printable_are_keys(self, service, story):
        for key in ('"quoted"', "~", "x" * 255, "a, b"):
            assert service.post(PROCESSES, WANTED, key=key).status_code == 201
            assert service.post(PROCESSES, WANTED, key=key)["Idempotency-Replayed"] == "true"

    def test_another_body_or_path_under_the_same_key_is_refused(self, service, story):
        service.post(PROCESSES, WANTED, key="k")
        for path, body in (
            (PROCESSES, WANTED | {"data": {}}),
            (f"{PROCESSES}/batch", WANTED),
            (f"{PROCESSES}/{uuid.uuid4()}/compensate", WANTED),
        ):
            problem_of(service.post(path, body, key="k"), 422, "IDEMPOTENCY_KEY_REUSED")
        refused = service.post(PROCESSES, WANTED, key="k", if_match='"1"')
        problem_of(refused, 422, "IDEMPOTENCY_KEY_REUSED")
        assert Process.objects.count() == 1

    def test_each_user_has_keys_of_their_own(self, service, story):
        other = Service("processes.start_process", username="other")
        for one in (service, other):
            assert one.post(PROCESSES, WANTED, key="k").status_code == 201
        assert Process.objects.count() == 2

    def test_a_refusal_is_an_answer_too(self, service, story):
        bad = {"process_type": "Nope", "data": {}}
        first, again = (service.post(PROCESSES, bad, key="k") for _ in range(2))
        assert first.status_code == again.status_code == 400
        assert first.content == again.content
        assert again["Content-Type"] == "application/problem+json"
        assert again["Idempotency-Replayed"] == "true"

    def test_who_was_not_allowed_may_try_again(self, story):
        service = Service("processes.start_process", domain="elsewhere")
        problem_of(service.post(PROCESSES, WANTED, key="k"), 403, "OTHER_DOMAIN")
        service.user.domain_limits.all().delete()
        assert service.post(PROCESSES, WANTED, key="k").status_code == 201

    def test_a_replay_asks_for_the_permission_again(self, service, story):
        service.post(PROCESSES, WANTED, key="k")
        service.user.user_permissions.clear()
        problem_of(service.post(PROCESSES, WANTED, key="k"), 403, "PERMISSION_DENIED")

    def test_a_failure_of_the_server_leaves_nothing_behind(self, service, story, monkeypatch):
        service.client.raise_request_exception = False
        with monkeypatch.context() as broken:
            broken.setattr("processes.api.views.processes.etag_of", lambda _: 1 / 0)
            assert service.post(PROCESSES, WANTED, key="k").status_code == 500
        assert not Process.objects.exists()
        assert not KeptAnswer.objects.exists()
        assert service.post(PROCESSES, WANTED, key="k").status_code == 201

    def test_a_refusal_undoes_what_was_done_before_it(self, service, story, monkeypatch):
        def start_and_refuse(view: Any, request: Any) -> Response:
            start_process(PROCESS_TYPE, {})
            raise DuplicateProcess("Too late.")

        monkeypatch.setattr(ProcessesView, "change", start_and_refuse)
        problem_of(service.post(PROCESSES, WANTED, key="k"), 409, "DUPLICATE_PROCESS")
        assert not Process.objects.exists()
        assert KeptAnswer.objects.get().status == 409


@pytest.mark.django_db(transaction=True)
class TestConcurrency:
    def test_twenty_at_once_have_one_effect(self, service, story):
        responses = run_together(
            *[lambda: service.post(PROCESSES, WANTED, key="k") for _ in range(20)]
        )

        assert Process.objects.count() == 1
        assert KeptAnswer.objects.count() == 1
        statuses = Counter(response.status_code for response in responses)
        assert statuses[201] >= 1
        assert statuses[201] + statuses[409] == 20
        made = [response for response in responses if response.status_code == 201]
        assert len({response.content for response in made}) == 1
        assert sum("Idempotency-Replayed" not in response for response in made) == 1
        for response in responses:
            if response.status_code == 409:
                problem_of(response, 409, "IDEMPOTENCY_KEY_RUNNING")

    def test_while_the_first_one_runs_the_second_is_told_so(self, service, story):
        with transaction.atomic():
            assert try_lock(service.user.pk, "k")
            running = in_other_session(lambda: service.post(PROCESSES, WANTED, key="k"))
            problem_of(running.result(10), 409, "IDEMPOTENCY_KEY_RUNNING")
            other = in_other_session(lambda: service.post(PROCESSES, WANTED, key="other"))
            assert other.result(10).status_code == 201
        assert service.post(PROCESSES, WANTED, key="k").status_code == 201

    def test_a_long_poll_waits_outside_the_transaction_and_not_again(
        self, service, story, monkeypatch
    ):
        waited: list[bool] = []

        def wait(view: Any, request: Any) -> None:
            waited.append(connection.in_atomic_block)

        monkeypatch.setattr(ProcessesView, "wait", wait)
        for _ in range(2):
            assert service.post(PROCESSES, WANTED, key="k").status_code == 201
        assert waited == [False]
        assert Process.objects.count() == 1


@pytest.mark.django_db
def test_old_answers_are_forgotten_in_chunks(service, story, monkeypatch, clock):
    monkeypatch.setattr("processes.idempotency.CHUNK", 2)
    for number in range(5):
        service.post(PROCESSES, WANTED, key=f"old {number}")
    moment = KeptAnswer.objects.latest("id").created_at + timedelta(seconds=1)
    clock.advance(60)
    service.post(PROCESSES, WANTED, key="new")

    assert forget_old_requests(moment) == 5
    assert [answer.key for answer in KeptAnswer.objects.all()] == ["new"]
    assert forget_old_requests(moment) == 0

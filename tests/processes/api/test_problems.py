"""Whatever is wrong with a request is answered with problem details, and changes nothing."""

import json
import logging
from typing import Any

import pytest
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from processes.api.kinds import KINDS
from processes.bus import errors
from processes.bus.errors import CommandBusError
from processes.models import Process
from tests.support.service import PROCESSES, REPLIES, Service, problem_of
from tests.support.three_steps import PROCESS_TYPE

pytestmark = pytest.mark.django_db

WANTED = {"process_type": PROCESS_TYPE, "data": {}}


@pytest.fixture(autouse=True)
def nothing_is_started(story, db):
    yield
    assert not Process.objects.exists()


def all_errors(base: type[CommandBusError]) -> set[type[CommandBusError]]:
    return {base, *(found for child in base.__subclasses__() for found in all_errors(child))}


def test_every_error_of_the_core_has_its_kind():
    shown = {
        error.code
        for error in all_errors(CommandBusError)
        if error.__module__.startswith(("processes.", "tsq."))
    }
    never_in_a_request = {errors.DuplicateRegistration.code, "NOT_A_SERVICE"}
    assert shown - never_in_a_request - KINDS.keys() == set()


def test_each_kind_is_described_at_its_type(client):
    for kind in KINDS.values():
        told = client.get(kind.type).json()
        assert told["code"] == kind.code
        assert told["status"] == kind.status
        assert told["remedy"]


def deep(levels: int) -> str:
    return '{"process_type": "ThreeSteps", "data": ' + '{"a":' * levels + "1" + "}" * (levels + 1)


class TestBody:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"nonsense",
            b'{"process_type": "ThreeSteps", "data": {}} x',
            b'{"process_type": "ThreeSteps", "data": {"a": NaN}}',
            b'{"process_type": "ThreeSteps", "data": {"a": -Infinity}}',
            b'{"process_type": "ThreeSteps", "data": {"a": "\xff\xfe"}}',
            b'{"process_type": "ThreeSteps", "data": {"a": %s}}' % (b"9" * 5000),
            deep(100_000).encode(),
            "\N{BYTE ORDER MARK}{}".encode(),
            '{"process_type": "ThreeSteps", "data": {}}'.encode("utf-16"),
        ],
    )
    def test_what_is_not_json_is_refused(self, service, body):
        code = "MALFORMED_REQUEST" if body else "INVALID_REQUEST"
        problem_of(service.raw(PROCESSES, body), 400, code)

    @pytest.mark.parametrize("charset", ["utf-16", "hex", "rot13", "nonsense"])
    def test_a_claimed_charset_changes_nothing(self, service, charset):
        """JSON is UTF-8."""
        content_type = f"application/json; charset={charset}"
        response = service.raw(PROCESSES, b"{", content_type=content_type)
        problem_of(response, 400, "MALFORMED_REQUEST")

    @pytest.mark.parametrize(
        ("body", "field", "told"),
        [
            ({"data": {}}, "/process_type", "required"),
            ({"process_type": PROCESS_TYPE}, "/data", "required"),
            (WANTED | {"process_type": 7}, "/process_type", "valid string"),
            (WANTED | {"process_type": ""}, "/process_type", "blank"),
            (WANTED | {"process_type": None}, "/process_type", "null"),
            (WANTED | {"process_type": "x" * 201}, "/process_type", "200"),
            (WANTED | {"process_type": "a\x00b"}, "/process_type", "Null characters"),
            (WANTED | {"process_type": "\ud800"}, "/process_type", "Surrogate"),
            (WANTED | {"data": []}, "/data", "dictionary"),
            (WANTED | {"data": "{}"}, "/data", "dictionary"),
            (WANTED | {"process_id": "7"}, "/process_id", "UUID"),
            (WANTED | {"process_id": 7}, "/process_id", "UUID"),
            (WANTED | {"process_id": "\ud800"}, "/process_id", "UUID"),
            (WANTED | {"procces_id": "7"}, "/procces_id", "process_type, data, process_id"),
            (WANTED | {"\ud800\x00": "7"}, "/??", "There is no such field"),
            (WANTED | {"a/b~c": 1}, "/a~1b~0c", "There is no such field"),
            ([], "", "dictionary"),
            ("text", "", "dictionary"),
            (None, "", "No data"),
        ],
    )
    def test_a_field_that_will_not_do_is_named(self, service, body, field, told):
        problem = problem_of(service.raw(PROCESSES, json.dumps(body)), 400, "INVALID_REQUEST")
        (fault,) = problem["errors"]
        assert fault["field"] == field.replace("??", "?\N{REPLACEMENT CHARACTER}")
        assert told in fault["message"]
        assert fault["message"] in problem["detail"]

    def test_a_fault_deep_in_the_body_is_pointed_at(self, service):
        body = {"items": [WANTED, {"process_type": PROCESS_TYPE, "data": 1}]}
        problem = problem_of(service.post(f"{PROCESSES}/batch", body), 400, "INVALID_REQUEST")
        assert [fault["field"] for fault in problem["errors"]] == ["/items/1/data"]

    @pytest.mark.parametrize(
        "data",
        ['{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": "\\ud800"}', '{"a": 1e400}', None],
    )
    def test_data_that_cannot_be_stored_is_refused(self, service, data):
        body = f'{{"process_type": "ThreeSteps", "data": {data}}}' if data else deep(300)
        problem_of(service.raw(PROCESSES, body), 400, "INVALID_PROCESS_DATA")

    def test_a_body_that_is_too_large_is_not_read(self, service, settings):
        settings.COMMANDBUS_API_MAX_BYTES = 100
        assert service.raw(PROCESSES, " " * 100).status_code == 400
        problem = problem_of(service.raw(PROCESSES, " " * 101), 413, "TOO_LARGE")
        assert "101 bytes; at most 100" in problem["detail"]

    def test_a_body_of_unknown_length_is_not_read(self, service):
        headers = {"Transfer-Encoding": "chunked"}
        problem_of(service.raw(PROCESSES, b"{}", headers=headers), 411, "LENGTH_REQUIRED")

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", " "]
    )
    def test_another_media_type_is_refused(self, service, content_type):
        response = service.raw(PROCESSES, b"a=1", content_type=content_type)
        problem_of(response, 415, "UNSUPPORTED_MEDIA_TYPE")


class TestRequest:
    def test_an_unknown_query_parameter_is_not_ignored(self, service):
        problem = problem_of(service.get(f"{PROCESSES}?statuss=FAILED"), 400, "INVALID_FILTER")
        (fault,) = problem["errors"]
        assert fault["field"] == "statuss"
        assert "status, domain, type" in fault["message"]
        problem_of(service.post(f"{PROCESSES}?x=1", WANTED), 400, "INVALID_FILTER")

    @pytest.mark.parametrize(
        "query",
        [
            "status=NOPE",
            "status=FAILED&status=FAILED",
            "id=7",
            "domain=%00",
            "older_than=2x",
            "created_after=yesterday",
            "created_after=0001-01-01T00:00:00%2B14:00",
            "created_before=9999-12-31T23:59:59-14:00",
            "cursor=",
            "domain=",
            "domain=%20",
            "older_than=",
            "limit=0",
            "domain=" + "x" * 201,
        ],
    )
    def test_a_query_parameter_that_will_not_do_is_named(self, service, query):
        response = service.get(f"{PROCESSES}?{query}")
        problem = problem_of(response, 400, "INVALID_FILTER")
        assert [fault["field"] for fault in problem["errors"]] == [query.split("=")[0]]

    @pytest.mark.parametrize("offset", ["%2B23:59", "-23:59", "Z"])
    def test_a_moment_may_have_any_offset(self, service, offset):
        query = f"created_after=2026-01-01T00:00:00{offset}"
        assert service.get(f"{PROCESSES}?{query}").json()["results"] == []

    def test_bytes_that_are_no_text_do_no_harm(self, service):
        assert service.get(f"{PROCESSES}?domain=%ff%fe").json()["results"] == []

    @pytest.mark.parametrize("path", ["/api/", "/api/v1/nope", f"{PROCESSES}/", f"{PROCESSES}/7"])
    def test_an_unknown_path_is_not_found(self, service, path):
        for method in (service.client.get, service.client.post, service.client.delete):
            if path != "/api/":
                problem_of(method(path), 404, "NOT_FOUND")
        problem_of(Client().get(path), 404, "NOT_FOUND")

    def test_another_method_is_refused_with_those_there_are(self, service):
        for method in (service.client.put, service.client.delete, service.client.options):
            response = method(PROCESSES)
            problem_of(response, 405, "METHOD_NOT_ALLOWED")
            assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "POST"}

    def test_another_method_is_refused_for_itself_and_not_for_its_query(self, service):
        for response in (
            service.client.post(f"{REPLIES}?reply_to=shop"),
            service.client.delete(f"{PROCESSES}?limit=1"),
        ):
            problem_of(response, 405, "METHOD_NOT_ALLOWED")

    @pytest.mark.parametrize("accept", ["text/html", "nonsense", "x" * 20_000])
    def test_another_format_is_refused(self, service, accept):
        problem_of(service.get(PROCESSES, accept=accept), 406, "NOT_ACCEPTABLE")

    def test_head_is_answered_like_get(self, service):
        response = service.client.head(PROCESSES)
        assert (response.status_code, response.content) == (200, b"")

    def test_another_host_is_refused(self, service):
        response = service.get(PROCESSES, host="elsewhere.example")
        problem_of(response, 400, "MALFORMED_REQUEST")

    def test_too_many_query_parameters_are_refused(self, service):
        query = "&".join(f"a{number}=1" for number in range(1001))
        problem_of(service.get(f"{PROCESSES}?{query}"), 400, "MALFORMED_REQUEST")


class TestTooOften:
    @pytest.fixture
    def once_a_minute(self, monkeypatch):
        monkeypatch.setattr(
            SimpleRateThrottle, "THROTTLE_RATES", {"user": "1/min", "anon": "1/min"}
        )

    def test_each_user_has_a_rate(self, service, once_a_minute):
        other = Service("processes.view_process", username="other")
        assert service.get(PROCESSES).status_code == other.get(PROCESSES).status_code == 200
        response = service.get(PROCESSES)
        problem_of(response, 429, "THROTTLED")
        assert 0 < int(response["Retry-After"]) <= 60

    def test_wrong_tokens_count_as_well(self, once_a_minute):
        client = Client(headers={"Authorization": "Token nonsense"})
        assert client.get(PROCESSES).status_code == 401
        problem_of(client.get(PROCESSES), 429, "THROTTLED")


def test_a_failure_of_the_server_tells_nothing_but_its_id(service, monkeypatch, caplog):
    def fail(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("processes.api.views.processes.start_permitted", fail)
    service.client.raise_request_exception = False
    with caplog.at_level(logging.INFO):
        response = service.post(PROCESSES, WANTED, x_request_id="r-1")
    problem = problem_of(response, 500, "INTERNAL_ERROR")
    assert problem["instance"] == "urn:request:r-1"
    assert "secret" not in response.content.decode()
    assert [record.request.request_id for record in caplog.records] == ["r-1", "r-1"]
    assert "secret detail" in caplog.text

"""What OpenAPI says: valid, complete, and shown without anything from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command

from processes.api.kinds import KINDS
from tests.factories import CommandFactory, ReplyFactory
from tests.support.service import COMMANDS, PROCESSES, REPLIES, Service
from tests.support.three_steps import DOMAIN, PROCESS_TYPE

ROOT = Path(__file__).resolve().parents[3]
SITE = os.environ | {"DJANGO_SETTINGS_MODULE": "commandbus_site.settings"}
ASK_AT_ONCE = """
import django
django.setup()
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from processes.api.views.about import whole_schema
together = Barrier(4)
ask = lambda _: (together.wait(), whole_schema())
with ThreadPoolExecutor(4) as threads:
    list(threads.map(ask, range(4)))
"""
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}


@pytest.fixture
def schema(client) -> dict[str, Any]:
    """As anybody gets it."""
    response = client.get("/api/schema/")
    assert response.status_code == 200
    return response.json()


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def header_names(operation: dict[str, Any]) -> dict[str, bool]:
    given = operation.get("parameters", [])
    return {p["name"]: p.get("required", False) for p in given if p["in"] == "header"}


def test_it_is_valid_openapi_3_1_without_a_warning(tmp_path):
    path = str(tmp_path / "schema.yaml")
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", path)


def test_every_operation_tells_its_problems(schema):
    assert schema["openapi"].startswith("3.1")
    assert len(operations(schema)) >= 8
    for path, method, operation in operations(schema):
        statuses = set(operation["responses"])
        assert {"400", "401", "403", "406", "429"} <= statuses, path
        assert ("404" in statuses) == ("{" in path)
        assert ({"409", "413", "415", "422"} <= statuses) == (method == "post")
        assert operation["summary"]


def test_a_problem_response_names_the_codes_it_may_have(schema):
    responses = schema["components"]["responses"]
    for name, response in responses.items():
        status = int(name.removeprefix("Problem"))
        assert response["content"] == PROBLEM
        for kind in KINDS.values():
            assert (kind.code in response["description"]) == (kind.status == status)


def test_every_change_asks_for_its_key_and_shows_an_example(schema):
    for path, method, operation in operations(schema):
        assert header_names(operation).get("Idempotency-Key", False) == (method == "post"), path
        if method == "post":
            content = operation["requestBody"]["content"]["application/json"]
            assert content["examples"], path


def test_versions_are_told_where_there_are_some(schema):
    by_id = {operation["operationId"]: operation for _, _, operation in operations(schema)}
    assert "If-None-Match" in header_names(by_id["get_process"])
    assert "304" in by_id["get_process"]["responses"]
    assert "If-Match" in header_names(by_id["compensate_process"])
    assert "412" in by_id["compensate_process"]["responses"]
    assert "If-Match" not in header_names(by_id["start_process"])
    assert {"ETag", "Location"} <= by_id["start_process"]["responses"]["201"]["headers"].keys()


def test_what_was_made_leads_on(schema):
    known = {operation["operationId"] for _, _, operation in operations(schema)}
    links = {
        link["operationId"]
        for _, _, operation in operations(schema)
        for response in operation["responses"].values()
        for link in response.get("links", {}).values()
    }
    assert {"get_process", "compensate_process", "get_command"} <= links <= known


def test_the_words_of_a_list_are_told(schema):
    listed = schema["paths"][PROCESSES]["get"]["parameters"]
    words = {word["name"]: word["schema"] for word in listed if word["in"] == "query"}
    assert words["status"]["enum"]
    assert words["id"]["format"] == "uuid"
    assert words["created_after"]["format"] == "date-time"
    assert words["limit"]["maximum"] == 200
    assert "cursor" in words


def test_many_may_ask_for_it_before_anybody_has():
    """In a process of its own, where nothing of it is there yet."""
    subprocess.run([sys.executable, "-c", ASK_AT_ONCE], env=SITE, cwd=ROOT, check=True, timeout=60)


@pytest.mark.django_db
def test_answers_are_as_told(schema, service, failed, register_external):
    register_external("Ship")
    command = CommandFactory(parked=True)
    ship = CommandFactory(command_type="Ship", reply_to="shop")
    claim = {"domain": DOMAIN, "types": [], "limit": 1}
    items = [
        {"process_type": PROCESS_TYPE, "data": {}},
        {"process_type": "Nope", "data": {}},
    ]
    answers = {
        "ProcessPage": service.get(PROCESSES),
        "ProcessDetail": service.get(f"{PROCESSES}/{failed.id}"),
        "ProcessSummary": service.post(PROCESSES, items[0]),
        "StartOutcomes": service.post(f"{PROCESSES}/batch", {"items": items}),
        "CommandPage": service.get(COMMANDS),
        "CommandDetail": service.get(f"{COMMANDS}/{command.id}"),
        "HandedOutCommands": service.post(f"{COMMANDS}/claim", claim),
        "LeaseUntil": service.post(
            f"{COMMANDS}/{ship.id}/extend", {"deliveries": 1, "lease_seconds": 9}
        ),
        "SettledCommand": service.post(f"{COMMANDS}/{ship.id}/succeed", {"deliveries": 1}),
        "UnreadReplies": service.get(REPLIES, {"reply_to": "shop"}),
        "AcknowledgedReply": service.post(
            f"{REPLIES}/{ReplyFactory(reply_to='shop').id}/acknowledge", {"reply_to": "shop"}
        ),
        "ProblemDetails": service.post(PROCESSES, {}),
    }
    for name, answer in answers.items():
        whole = schema | {"$ref": f"#/components/schemas/{name}"}
        jsonschema.validate(answer.json(), whole)
        known = schema["components"]["schemas"][name]["properties"].keys()
        assert answer.json().keys() <= known


@pytest.mark.django_db
def test_the_docs_need_nothing_from_elsewhere(client):
    response = client.get("/api/docs/", headers={"Accept": "application/json"})
    page = response.content.decode()
    assert response.status_code == 200
    assert "/api/schema/" in page
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 5
    for asset in assets:
        assert asset.startswith("/static/")
        assert finders.find(asset.removeprefix("/static/")), asset
    assert not re.search(r"https?://", page)


@pytest.mark.django_db
def test_the_docs_and_the_schema_tell_nothing_of_what_is_stored(client):
    hidden = Service(username="zanzibar")
    CommandFactory(domain="zanzibar")
    for path in ("/api/docs/", "/api/schema/"):
        assert hidden.user.username not in client.get(path).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        (" a ", True),
        ("\u200b", True),
        ("", False),
        (" \t", False),
        ("\x1f", False),
        ("a\x00", False),
    ],
)
def test_what_a_text_may_be_is_told_as_it_is_judged(schema, service, failed, text, is_taken):
    """The schema's word for space is not Python's."""
    body = {"reason": text}
    compensate = schema | {"$ref": "#/components/schemas/Compensate"}
    listed = schema["paths"][PROCESSES]["get"]["parameters"]
    (word,) = (word["schema"] for word in listed if word["name"] == "step")
    assert jsonschema.Draft202012Validator(compensate).is_valid(body) == is_taken
    assert jsonschema.Draft202012Validator(word).is_valid(text) == is_taken
    assert (service.get(PROCESSES, {"step": text}).status_code == 200) == is_taken
    answer = service.post(f"{PROCESSES}/{failed.id}/compensate", body)
    assert answer.status_code == (200 if is_taken else 400)

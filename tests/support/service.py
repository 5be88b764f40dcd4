"""Another service that calls the API with its token, with exactly the permissions a test gives."""

import uuid
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from knox.models import AuthToken
from rest_framework.test import APIClient

from processes.api.tokens import issue_token
from processes.models import DomainLimit
from tests.support.console import create_groups

PROCESSES = "/api/v1/processes"
COMMANDS = "/api/v1/commands"
REPLIES = "/api/v1/replies"
ENTRIES = "/api/v1/tsq/entries"
GROUPS = "/api/v1/tsq/groups"
STUCK_REPLIES = "/api/v1/tsq/stuck-replies"
OPERATIONS = "/api/v1/tsq/operations"


class Service:
    """``get`` and ``post`` take paths; a post gets an Idempotency-Key of its own unless told."""

    def __init__(self, *permissions: str, username: str = "shop", domain: str = "") -> None:
        self.user = User.objects.create_user(username)
        self.user.user_permissions.set([_permission(name) for name in permissions])
        if domain:
            DomainLimit.objects.create(user=self.user, domain=domain)
        _, self.token = AuthToken.objects.create(self.user)
        self.client = APIClient(headers={"Authorization": f"Token {self.token}"})

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.get(path, query, headers=_names(headers))

    def post(self, path: str, body: Any, *, key: str = "", **headers: str) -> Any:
        headers = {"idempotency_key": key or str(uuid.uuid4())} | headers
        return self.client.post(path, body, format="json", headers=_names(headers))

    def raw(self, path: str, body: bytes | str, **options: Any) -> Any:
        """A POST of these very bytes."""
        given = {"content_type": "application/json"} | options
        headers = {"Idempotency-Key": str(uuid.uuid4())} | given.pop("headers", {})
        return self.client.post(path, body, headers=headers, **given)


def token_of(name: str, *groups: str) -> str:
    """Of a new service that is in these groups, which the migrations make."""
    token = issue_token(name)
    create_groups()
    User.objects.get(username=name).groups.set(Group.objects.filter(name__in=groups))
    return token


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of a response that must be this one."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"/api/problems/{code.lower().replace('_', '-')}"
    assert problem["instance"] == f"urn:request:{response['X-Request-ID']}"
    assert problem["title"]
    assert problem["detail"]
    return problem


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _permission(name: str) -> Permission:
    app_label, codename = name.split(".")
    found = Permission.objects.filter(content_type__app_label=app_label, codename=codename).first()
    if found is None:
        model = ContentType.objects.get(app_label=app_label, model=codename.split("_")[-1])
        found = Permission.objects.create(content_type=model, codename=codename, name=codename)
    return found

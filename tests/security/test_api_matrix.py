"""Every endpoint of the API by everybody: who may, who may not, and what the others hear of it.

The endpoints are read from the site itself, so that one added later is asked as well.
"""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.db import transaction
from knox.models import AuthToken
from rest_framework.test import APIClient

from processes.models import DomainLimit
from tests.security.api import (
    AGAIN,
    CANCEL,
    CLAIM,
    COMPENSATE,
    COMPLETE,
    EDIT,
    EXECUTE,
    EXTERNAL_TYPE,
    GIVE_UP,
    METRICS,
    RETRY,
    SEE_BULK,
    SEE_COMMAND,
    SEE_ENTRY,
    SEE_PROCESS,
    SEE_REPLY,
    SEND,
    START,
    ApiWorld,
    Call,
    Endpoint,
    all_endpoints,
)
from tests.security.world import COMMAND_TYPE, DOMAIN, MARK, stored
from tests.support.console import create_groups

pytestmark = pytest.mark.django_db

CALLERS = {
    "viewer": ("TSQ viewers", ""),
    "operator": ("TSQ operators", DOMAIN),
    "operator elsewhere": ("TSQ operators", "elsewhere"),
    "service without": ("", ""),
    "service": ("API services", DOMAIN),
    "service elsewhere": ("API services", "elsewhere"),
    "boss": ("", ""),
}
"""Their group, and the domain they are limited to; beside them there is anonymous.

Services have a token, people a session; boss is a superuser.
"""

MAY: dict[str, set[str]] = {
    SEE_PROCESS: {"viewer", "operator", "service", "boss"},
    SEE_COMMAND: {"viewer", "operator", "service", "boss"},
    SEE_ENTRY: {"viewer", "operator", "service", "boss"},
    SEE_REPLY: {"viewer", "operator", "boss"},
    SEE_BULK: {"viewer", "operator", "boss"},
    START: {"service", "boss"},
    SEND: {"service", "boss"},
    EXECUTE: {"service", "boss"},
    COMPENSATE: {"operator", "boss"},
    RETRY: {"operator", "boss"},
    COMPLETE: {"operator", "boss"},
    CANCEL: {"operator", "boss"},
    CLAIM: {"operator", "boss"},
    AGAIN: {"operator", "boss"},
    EDIT: {"boss"},
    GIVE_UP: {"boss"},
    METRICS: {"boss"},
}
"""Who has which permission, in whatever domain."""


def expected_status(caller: str, call: Call) -> int:
    if caller == "anonymous":
        return 401
    if not all(caller.removesuffix(" elsewhere") in MAY[needed] for needed in call.needs):
        return 403
    return call.elsewhere if caller.endswith(" elsewhere") else call.success


@pytest.fixture(autouse=True)
def site(settings, story, register_handler, register_external) -> None:
    settings.SECURE_SSL_REDIRECT = False
    cache.clear()  # the throttle counts there
    story.manager.domain = DOMAIN
    register_handler(COMMAND_TYPE, lambda _: None, domain=DOMAIN, editable=True)
    register_external(EXTERNAL_TYPE, domain=DOMAIN)
    create_groups()


def client_of(caller: str) -> APIClient:
    client = APIClient()
    if caller == "anonymous":
        return client
    group, domain = CALLERS[caller]
    user = User.objects.create_user(caller, is_superuser=caller == "boss")
    user.groups.set(Group.objects.filter(name=group))
    if domain:
        DomainLimit.objects.create(user=user, domain=domain)
    if caller.startswith("service"):
        _, token = AuthToken.objects.create(user)
        client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    else:
        client.force_login(user)
    return client


def answer(client: APIClient, world: ApiWorld, endpoint: Endpoint) -> Any:
    path, body = world.address(endpoint.route), world.bodies[endpoint.call.sends]
    if endpoint.method == "get":
        return client.get(path, body)
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    return getattr(client, endpoint.method)(path, body, format="json", headers=headers)


def said(endpoint: Endpoint, response: Any) -> str:
    """What the answer tells beyond the name of the domain, if the caller asked for that.

    Who starts a process names its type; in whose domain that is, is in the code and in no row.
    """
    text = response.content.decode()
    is_named = endpoint.call.sends in ("start", "batch", "send", "claim")
    return (text.replace(DOMAIN, "") if is_named else text).lower()


def all_stored() -> dict[str, list[str]]:
    """But the kept answers to requests that were refused."""
    return {name: rows for name, rows in stored().items() if name != "processes_keptanswer"}


@pytest.mark.parametrize("caller", ["anonymous", *CALLERS])
def test_each_caller_gets_the_answer_of_the_table(caller):
    world = ApiWorld(caller)
    client = client_of(caller)
    sees_nothing = caller in ("anonymous", "service without") or caller.endswith(" elsewhere")
    before, wrong = all_stored(), []
    for endpoint in all_endpoints():
        wanted = expected_status(caller, endpoint.call)
        with transaction.atomic():
            response = answer(client, world, endpoint)
            # Let stand, to be found below, unless it is what the caller may do.
            is_theirs = wanted == endpoint.call.success and not sees_nothing
            transaction.set_rollback(is_theirs)
        if response.status_code != wanted:
            wrong.append(f"{endpoint.name}: {response.status_code}, not {wanted}")
        if (sees_nothing or wanted >= 400) and MARK.lower() in said(endpoint, response):
            wrong.append(f"{endpoint.name} tells what is hidden")
    after = all_stored()
    wrong += [f"{table} has changed" for table in after if after[table] != before[table]]
    assert not wrong, "\n".join(wrong)


def test_the_matrix_asks_for_what_would_tell_and_change_a_lot():
    """Else it would prove nothing: the same requests, by one who may do everything."""
    world = ApiWorld("boss")
    client = client_of("boss")
    before = all_stored()
    idle = set()
    for endpoint in all_endpoints():
        with transaction.atomic():
            response = answer(client, world, endpoint)
            is_changed = all_stored() != before
            transaction.set_rollback(True)
        tells = MARK.lower() in response.content.decode().lower()
        if not (tells if endpoint.method == "get" else is_changed):
            idle.add(endpoint.name)
    assert idle == {"GET tsq/entries/<uuid:pk>/undo-plan"}  # it names steps only


def test_a_batch_elsewhere_starts_nothing_and_says_so():
    world = ApiWorld("service elsewhere")
    client = client_of("service elsewhere")
    (endpoint,) = (e for e in all_endpoints() if e.name == "POST processes/batch")
    (item,) = answer(client, world, endpoint).json()["items"]
    assert (item["status"], item["problem"]["code"]) == ("refused", "OTHER_DOMAIN")

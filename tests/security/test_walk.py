"""A walk over every page and action of the admin by people who must not see or change a thing.

The URLs are read from the site itself, so that a page added later is walked over as well.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from processes.models import DomainLimit
from tests.security.urls import Place, all_actions, all_places
from tests.security.world import COMMAND_TYPE, DOMAIN, MARK, World, stored
from tests.support.console import create_groups, told

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {"admin:login", "admin:logout"}
OWN_PAGES = {
    *("admin:index", "admin:login", "admin:logout", "admin:jsi18n"),
    *("admin:password_change", "admin:password_change_done"),
}
"""What everybody who may log in has: it is about nobody else's rows."""
OF_NO_DOMAIN = {"auth_user", "auth_group", "processes_domainlimit", "processes_workerheartbeat"}

_WRITES = re.compile(
    r"^\s*(INSERT|UPDATE|DELETE|TRUNCATE|WITH\b.*\b(INSERT|UPDATE|DELETE)\b)", re.DOTALL
)


@pytest.fixture(autouse=True)
def site(settings, story, register_handler) -> None:
    settings.SECURE_SSL_REDIRECT = False
    register_handler(COMMAND_TYPE, lambda _: None, domain=DOMAIN, editable=True)
    create_groups()


@pytest.fixture
def world(site) -> World:
    return World()


@pytest.fixture
def places(world) -> list[Place]:
    return all_places(world.rows)


def client_of(username: str, *groups: str, domain: str = "", **more: Any) -> Client:
    user = User.objects.create_user(username, is_staff=True, **more)
    user.groups.set([Group.objects.get(name=name) for name in groups])
    if domain:
        DomainLimit.objects.create(user=user, domain=domain)
    client = Client()
    client.force_login(user)
    return client


def body_of(response: Any) -> str:
    parts = response.streaming_content if response.streaming else [response.content]
    return b"".join(parts).decode()


def requests(world: World, places: list[Place], client: Client) -> Iterator[tuple[Place, Any]]:
    """The answers to a GET and a POST of every place, and to every action."""
    for place in places:
        yield place, client.get(place.path)
        if place.name != "admin:logout":
            model = place.model or "_".join(place.path.split("/")[2:4])
            answers = world.answers(model, world.rows.get(model, ""))
            yield place, client.post(place.path, answers)
    for path, action, pk in all_actions(world.rows):
        for across in ("0", "1"):
            posted = {"action": action, "_selected_action": str(pk), "index": "0"}
            answer = client.post(path, posted | {"select_across": across, "post": "yes"})
            yield Place(f"action {action}", path), answer


def writes(queries: CaptureQueriesContext) -> list[str]:
    told_sql = [query["sql"] for query in queries]
    return [sql for sql in told_sql if _WRITES.match(sql) and "django_session" not in sql]


def assert_hidden(place: Place, response: Any) -> None:
    assert MARK.lower() not in body_of(response).lower(), f"{place} shows what is hidden"
    assert not any(MARK.lower() in line.lower() for line in told(response)), place


def test_somebody_not_logged_in_only_sees_the_login_page(world, places):
    before = stored()
    for place, response in requests(world, places, Client()):
        if place.name in OPEN_TO_ALL:
            assert_hidden(place, response)
        else:
            assert response.status_code == 302, place
            assert response.url.startswith("/admin/login/"), place
    assert stored() == before


def test_without_permissions_every_page_and_action_is_refused(world, places):
    client = client_of("nobody")
    before = stored()
    for place, response in requests(world, places, client):
        assert_hidden(place, response)
        if place.name not in OWN_PAGES:
            assert response.status_code in (301, 302, 403, 404, 405), place
    assert stored() == before


def test_a_viewer_changes_nothing(world, places):
    client = client_of("viewer", "TSQ viewers")
    before = stored()
    with CaptureQueriesContext(connection) as queries:
        seen = [
            (place, response.status_code) for place, response in requests(world, places, client)
        ]
    assert writes(queries) == []
    assert stored() == before
    for place in places:
        if place.model in ("processes_operatoraction", "auth_user", "tsq_notificationrule"):
            assert (place, 200) not in seen


@pytest.mark.parametrize("group", ["TSQ operators", "TSQ supervisors"])
def test_who_is_limited_to_another_domain_sees_and_changes_nothing(world, places, group):
    client = client_of("stranger", group, domain="elsewhere")
    before = stored()
    for place, response in requests(world, places, client):
        assert_hidden(place, response)
    after = stored()
    assert {table for table in after if after[table] != before[table]} == set()


def test_an_id_of_another_domain_answers_like_one_that_does_not_exist(world):
    client = client_of("stranger", "TSQ supervisors", domain="elsewhere")

    def answers(rows: dict[str, Any]) -> dict[str, list[Any]]:
        return {
            f"{place.name} {method.__name__}": _comparable(
                client, method(place.path, world.answers(place.model, rows[model])), rows[model]
            )
            for place in all_places(rows)
            for model in ["_".join(place.path.split("/")[2:4])]
            if model in rows and model not in OF_NO_DOMAIN
            for method in (client.get, client.post)
        }

    assert answers(world.rows) == answers(world.missing)


def _comparable(client: Client, response: Any, pk: Any) -> list[Any]:
    client.cookies.pop("messages", None)  # else the next answer tells them as well
    url = getattr(response, "url", "").replace(str(pk), "ID")
    lines = [line.replace(str(pk), "ID") for line in told(response)]
    return [response.status_code, url, lines]


def test_get_changes_nothing_for_anybody(world, places):
    clients = [
        *(Client(), client_of("boss", is_superuser=True)),
        client_of("supervisor", "TSQ supervisors"),
    ]
    before = stored()
    for client in clients:
        for place in places:
            with CaptureQueriesContext(connection) as queries:
                response = client.get(place.path)
                body_of(response)
            assert response.status_code < 500, place
            assert writes(queries) == [], place
    assert stored() == before


def test_the_walk_posts_what_would_change_a_lot(world, places):
    """Else it would prove nothing: the same requests, by one who may do everything."""
    boss = client_of("boss", is_superuser=True)
    changing = set()
    for place in places:
        if place.name in OWN_PAGES:
            continue
        model = place.model or "_".join(place.path.split("/")[2:4])
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            boss.post(place.path, world.answers(model, world.rows.get(model, "")))
            transaction.set_rollback(True)
        if writes(queries):
            changing.add(place.name.removeprefix("admin:"))
    assert changing >= {
        *(f"tsq_tsqentry_{verb}" for verb in ("retry", "complete", "cancel", "edit")),
        *("tsq_tsqentry_claim", "tsq_tsqentry_note", "processes_process_compensate"),
        *("tsq_stuckreply_handle_again", "tsq_stuckreply_give_up"),
        *("tsq_bulkoperation_pause", "tsq_bulkoperation_stop", "tsq_notification_retry"),
        *("tsq_notificationrule_add", "tsq_notificationrule_delete", "auth_user_delete"),
    }

"""Who calls, and what they may do."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from processes.bus.models import Command
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from tests.factories import CommandFactory, ReplyFactory
from tests.support.service import COMMANDS, PROCESSES, REPLIES, Service, problem_of
from tests.support.three_steps import DOMAIN, PROCESS_TYPE

pytestmark = pytest.mark.django_db

START = {"process_type": PROCESS_TYPE, "data": {}}
SEND = {"domain": DOMAIN, "command_type": "Test", "data": {}}
VIEW = "processes.view_process"


CLAIM = {"domain": DOMAIN, "types": [], "limit": 1}
EXECUTE = "bus.execute_command"
OUTCOMES = {
    "extend": {"lease_seconds": 60},
    "release": {},
    "succeed": {},
    "fail": {"kind": "permanent", "code": "BROKEN", "message": "no way"},
}


def settling(verb: str) -> Callable[[Service], Any]:
    """A command that was handed out, and what is told of it."""
    handed_out = CommandFactory(command_type="Ship", in_progress=True)
    told = OUTCOMES[verb] | {"deliveries": 1}
    return lambda service: service.post(f"{COMMANDS}/{handed_out.id}/{verb}", told)


class TestToken:
    @pytest.mark.parametrize(
        "given",
        [
            "Token nonsense",
            "Token",
            "Token a b",
            "Token \u00e4\u00ff",
            "Bearer x",
            "",
            "Token " + "x" * 9000,
        ],
    )
    def test_one_that_is_none_is_refused(self, given):
        response = Client().get(PROCESSES, headers={"Authorization": given})
        assert response.status_code == 401
        assert response["Content-Type"] == "application/problem+json"
        assert response["WWW-Authenticate"] == "Token"

    def test_one_that_has_expired_is_refused_and_stays(self, service):
        AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
        problem_of(service.get(PROCESSES), 401, "AUTHENTICATION_FAILED")
        assert AuthToken.objects.exists()

    def test_that_of_somebody_who_has_left_is_refused(self, service):
        User.objects.update(is_active=False)
        problem_of(service.get(PROCESSES), 401, "AUTHENTICATION_FAILED")

    def test_it_costs_one_query(self, service, django_assert_num_queries):
        with django_assert_num_queries(1):
            problem_of(service.client.put(f"{PROCESSES}"), 405, "METHOD_NOT_ALLOWED")

    def test_the_admin_has_no_way_to_make_one(self):
        assert AuthToken not in admin.site._registry


class TestSession:
    @pytest.fixture
    def person(self, service) -> Client:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(service.user)
        return client

    def test_a_person_reads_with_their_login(self, person):
        assert person.get(PROCESSES).status_code == 200

    def test_a_change_needs_the_csrf_token(self, person, story):
        refused = person.post(PROCESSES, START, format="json", headers={"Idempotency-Key": "k"})
        assert "CSRF" in problem_of(refused, 403, "PERMISSION_DENIED")["detail"]
        assert not Process.objects.exists()

    def test_with_it_the_change_is_made(self, person, story):
        token = "x" * 32
        person.cookies["csrftoken"] = token
        headers = {"Idempotency-Key": "k", "X-CSRFToken": token}
        response = person.post(PROCESSES, START, format="json", headers=headers)
        assert response.status_code == 201


class TestPermissions:
    """Every endpoint, by everybody: who lacks one permission of those needed is refused."""

    @pytest.fixture
    def requests(
        self, failed, register_external
    ) -> dict[str, tuple[Callable[[Service], Any], tuple[str, ...]]]:
        register_external("Ship")
        command = CommandFactory()
        CommandFactory(command_type="Ship")
        reply = ReplyFactory(command=CommandFactory(completed=True, reply_to="acknowledge"))
        process = f"{PROCESSES}/{failed.id}"
        undo = {"reason": "asked"}
        items = {"items": [START]}
        return {
            "list": (lambda s: s.get(PROCESSES), (VIEW,)),
            "start": (lambda s: s.post(PROCESSES, START), ("processes.start_process",)),
            "batch": (lambda s: s.post(f"{PROCESSES}/batch", items), ("processes.start_process",)),
            "show": (lambda s: s.get(process), (VIEW,)),
            "compensate": (
                lambda s: s.post(f"{process}/compensate", undo),
                (VIEW, "processes.compensate_process"),
            ),
            "commands": (lambda s: s.get(COMMANDS), ("bus.view_command",)),
            "command": (lambda s: s.get(f"{COMMANDS}/{command.id}"), ("bus.view_command",)),
            "send": (lambda s: s.post(COMMANDS, SEND), ("bus.send_command",)),
            "claim": (lambda s: s.post(f"{COMMANDS}/claim", CLAIM), (EXECUTE,)),
            **{verb: (settling(verb), (EXECUTE,)) for verb in OUTCOMES},
            "replies": (
                lambda s: s.get(REPLIES, {"reply_to": s.user.username}),
                ("bus.send_command",),
            ),
            "acknowledge": (
                lambda s: s.post(f"{REPLIES}/{reply.id}/acknowledge", {"reply_to": "acknowledge"}),
                ("bus.send_command",),
            ),
        }

    @pytest.fixture
    def nothing_changes(self, requests) -> Any:
        before = Process.objects.count(), Command.objects.count()
        yield
        assert (Process.objects.count(), Command.objects.count()) == before
        assert Process.objects.get().status == ProcessStatus.FAILED
        assert not OperatorAction.objects.exists()

    def test_somebody_unknown_is_asked_who_they_are(self, requests, nothing_changes):
        nobody = Service(username="nobody")
        nobody.client = APIClient()
        for send, _ in requests.values():
            response = send(nobody)
            problem_of(response, 401, "NOT_AUTHENTICATED")
            assert response["WWW-Authenticate"] == "Token"

    def test_who_lacks_a_permission_is_refused(self, requests, nothing_changes):
        everything = {name for _, needed in requests.values() for name in needed}
        for endpoint, (send, needed) in requests.items():
            for lacking in needed:
                service = Service(*everything - {lacking}, username=f"{endpoint} {lacking}")
                problem_of(send(service), 403, "PERMISSION_DENIED")

    def test_who_has_those_needed_and_no_other_is_let_in(self, requests):
        for endpoint, (send, needed) in requests.items():
            service = Service(*needed, username=endpoint)
            assert send(service).status_code in (200, 201), endpoint

    def test_who_is_limited_to_another_domain_sees_and_changes_nothing(
        self, requests, nothing_changes
    ):
        for endpoint, (send, needed) in requests.items():
            response = send(Service(*needed, username=endpoint, domain="elsewhere"))
            if endpoint in ("list", "commands", "replies"):
                assert response.json()["results"] == []
            elif endpoint == "batch":
                assert response.json()["items"][0]["problem"]["code"] == "OTHER_DOMAIN"
            elif endpoint in ("start", "send", "claim"):
                problem_of(response, 403, "OTHER_DOMAIN")
            else:
                problem_of(response, 404, "NOT_FOUND")


class TestServiceToken:
    """manage.py service_token."""

    def token(self, capsys: Any, name: str) -> str:
        call_command("service_token", name)
        return capsys.readouterr().out.strip()

    def test_it_makes_the_user_and_prints_a_token_that_is_kept_as_a_hash(self, capsys):
        tokens = [self.token(capsys, "shop") for _ in range(2)]
        user = User.objects.get(username="shop")
        assert not user.has_usable_password()
        assert not user.is_staff
        for token in tokens:
            response = Client().get(PROCESSES, headers={"Authorization": f"Token {token}"})
            problem_of(response, 403, "PERMISSION_DENIED")
            assert not AuthToken.objects.filter(digest__contains=token).exists()

    def test_revoked_ones_are_worth_nothing(self, capsys):
        token = self.token(capsys, "shop")
        call_command("service_token", "shop", "--revoke")
        assert "Tokens of shop revoked: 1." in capsys.readouterr().err
        response = Client().get(PROCESSES, headers={"Authorization": f"Token {token}"})
        problem_of(response, 401, "AUTHENTICATION_FAILED")

    def test_a_persons_account_gets_none(self):
        User.objects.create_user("ann", password="secret")
        User.objects.create_superuser("boss")
        for name in ("ann", "boss"):
            with pytest.raises(CommandError, match="is a person's account"):
                call_command("service_token", name)
        assert not AuthToken.objects.exists()

    @pytest.mark.parametrize("name", ["", "a b", "x" * 151])
    def test_a_name_that_will_not_do_is_refused(self, name):
        with pytest.raises(CommandError, match="user name"):
            call_command("service_token", name)
        assert not User.objects.exists()

    def test_there_is_nothing_to_revoke_of_a_stranger(self):
        with pytest.raises(CommandError, match="There is no service shop"):
            call_command("service_token", "shop", "--revoke")

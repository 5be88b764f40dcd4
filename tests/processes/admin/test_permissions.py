"""Every page and action asks for its own permission, on the server."""

import pytest
from django.test import Client

from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from tests.support.console import EVERYTHING, Console

pytestmark = pytest.mark.django_db


def paths(process: Process) -> list[str]:
    base = "/admin/processes/process/"
    return [base, f"{base}{process.pk}/change/", f"{base}{process.pk}/compensate/"]


def assert_kept(process: Process) -> None:
    assert Process.objects.get(pk=process.pk).status == ProcessStatus.FAILED
    assert not OperatorAction.objects.exists()


def test_somebody_not_logged_in_is_asked_to_log_in(failed):
    for path in paths(failed):
        for response in (Client().get(path), Client().post(path, {"reason": "x"})):
            assert response.url.startswith("/admin/login/?next=")
    assert_kept(failed)


@pytest.mark.parametrize("permissions", [(), ("processes.compensate_process",)])
def test_without_the_view_permission_nothing_is_seen_or_done(failed, permissions):
    client = Console(*permissions).client
    for path in paths(failed):
        assert client.get(path).status_code == 403
        assert client.post(path, {"reason": "x"}).status_code in (403, 405)
    assert_kept(failed)


def test_compensating_needs_its_own_permission(failed):
    console = Console(*set(EVERYTHING) - {"processes.compensate_process"})
    path = paths(failed)[-1]
    assert console.client.get(path).status_code == 403
    assert console.client.post(path, {"reason": "x"}).status_code == 403
    assert path not in console.text("processes_process_change", failed.pk)
    assert_kept(failed)


def test_it_needs_the_csrf_token(console, failed):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = console.client.cookies
    assert strict.post(paths(failed)[-1], {"reason": "x"}).status_code == 403
    assert_kept(failed)


def test_nothing_can_be_added_changed_or_deleted(failed, django_user_model):
    boss = Client()
    boss.force_login(django_user_model.objects.create_superuser("boss"))
    base = "/admin/processes/process/"
    for path in ("add/", f"{failed.pk}/delete/", f"{failed.pk}/history/"):
        assert boss.get(base + path).status_code == 404
    assert boss.post(f"{base}{failed.pk}/change/", {"domain": "x"}).status_code == 405
    data = {"action": "delete_selected", "index": "0", "_selected_action": str(failed.pk)}
    boss.post(base, data | {"post": "yes"})
    assert_kept(failed)

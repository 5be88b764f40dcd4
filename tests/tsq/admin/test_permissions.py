"""Every page and action asks for its own permission, on the server."""

from itertools import chain

import pytest
from django.test import Client

from processes.base import REPLY_ADDRESS
from processes.bus.models import Reply
from processes.models import OperatorAction
from tests.factories import CommandFactory, ProcessFactory, ReplyFactory
from tests.support.console import EVERYTHING, VIEW_ALL, Console
from tsq.models import StuckReply, TsqEntry

pytestmark = pytest.mark.django_db

ENTRY_VERBS = ("retry", "complete", "cancel")
REPLY_VERBS = ("handle_again", "give_up")


@pytest.fixture
def stuck() -> Reply:
    process = ProcessFactory()
    command = CommandFactory(completed=True, reply_to=REPLY_ADDRESS, correlation_id=process.id)
    return ReplyFactory(stuck=True, command=command)


@pytest.fixture
def paths(entry, stuck) -> dict[str, list[str]]:
    """Every page and action by the permission it needs beside viewing."""
    needed = {"": ["/admin/tsq/tsqentry/", f"/admin/tsq/tsqentry/{entry.pk}/change/"]}
    needed[""] += ["/admin/tsq/stuckreply/", f"/admin/tsq/stuckreply/{stuck.pk}/change/"]
    for verb in ENTRY_VERBS:
        base = "/admin/tsq/tsqentry"
        needed[f"tsq.{verb}_tsqentry"] = [f"{base}/{entry.pk}/{verb}/", f"{base}/{verb}/"]
    for verb in REPLY_VERBS:
        base = "/admin/tsq/stuckreply"
        needed[f"tsq.{verb}_stuckreply"] = [f"{base}/{stuck.pk}/{verb}/", f"{base}/{verb}/"]
    return needed


def chosen(entry) -> dict[str, str]:
    return {"chosen": f"{entry.pk}:{entry.deliveries}", "reason": "x"}


def assert_untouched() -> None:
    assert TsqEntry.objects.count() == StuckReply.objects.count() == 1
    assert not OperatorAction.objects.exists()


def test_somebody_not_logged_in_is_asked_to_log_in(paths, entry):
    for path in chain(*paths.values()):
        for response in (Client().get(path), Client().post(path, chosen(entry))):
            assert response.status_code == 302
            assert response.url.startswith("/admin/login/?next=")
    assert_untouched()


def test_without_permissions_there_is_nothing_to_see_or_do(paths, entry):
    client = Console().client
    for path in chain(*paths.values()):
        assert client.get(path).status_code == 403
        assert client.post(path, chosen(entry)).status_code in (403, 405)
    assert_untouched()


def test_actions_alone_do_not_let_one_see(paths, entry):
    client = Console(*set(EVERYTHING) - set(VIEW_ALL)).client
    for path in chain(*paths.values()):
        assert client.get(path).status_code == 403
        assert client.post(path, chosen(entry)).status_code in (403, 405)
    assert_untouched()


@pytest.mark.parametrize(
    "permission",
    [f"tsq.{verb}_tsqentry" for verb in ENTRY_VERBS]
    + [f"tsq.{verb}_stuckreply" for verb in REPLY_VERBS],
)
def test_each_action_needs_its_own_permission(paths, entry, stuck, permission):
    all_but_one = Console(*set(EVERYTHING) - {permission}).client
    ask, act = paths[permission]
    data = chosen(entry) if "tsqentry" in act else {"chosen": f"{stuck.pk}:{stuck.version}"}
    assert all_but_one.get(ask).status_code == 403
    assert all_but_one.post(act, data | {"reason": "x"}).status_code == 403
    assert_untouched()
    only_that = Console(*VIEW_ALL, permission, username="eve").client
    assert only_that.get(ask).status_code == 200
    assert only_that.post(act, data | {"reason": "x"}).status_code == 302
    assert OperatorAction.objects.get().operator == "eve"


def test_a_selection_needs_the_permission_of_its_action(entry):
    data = {"action": "cancel", "index": "0", "_selected_action": str(entry.pk)}
    client = Console(*set(EVERYTHING) - {"tsq.cancel_tsqentry"}).client
    response = client.post("/admin/tsq/tsqentry/", data)
    assert b"UNDO_B" not in response.content
    assert_entry_kept(entry)


def assert_entry_kept(entry) -> None:
    assert TsqEntry.objects.filter(pk=entry.pk).exists()
    assert not OperatorAction.objects.exists()


def test_only_permitted_buttons_and_actions_are_offered(entry):
    console = Console(*VIEW_ALL, "tsq.retry_tsqentry")
    page = console.text("tsq_tsqentry_change", entry.pk)
    listed = console.text("tsq_tsqentry_changelist")
    for verb, offered in (("retry", True), ("complete", False), ("cancel", False)):
        assert (f"/admin/tsq/tsqentry/{entry.pk}/{verb}/" in page) is offered
        assert (f'<option value="{verb}">' in listed) is offered


def test_nothing_can_be_added_changed_or_deleted(entry, django_user_model):
    boss = Client()
    boss.force_login(django_user_model.objects.create_superuser("boss"))
    for path in ("add", f"{entry.pk}/delete", f"{entry.pk}/history"):
        assert boss.get(f"/admin/tsq/tsqentry/{path}/").status_code == 404
    change = f"/admin/tsq/tsqentry/{entry.pk}/change/"
    assert boss.post(change, {"domain": "other"}).status_code == 405
    data = {"action": "delete_selected", "index": "0", "_selected_action": str(entry.pk)}
    boss.post("/admin/tsq/tsqentry/", data | {"post": "yes"})
    assert_entry_kept(entry)

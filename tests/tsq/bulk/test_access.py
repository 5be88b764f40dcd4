"""Bulk operations ask for the verb's own permission, and stay within a person's domains."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from processes.models import DomainLimit, OperatorAction
from processes.states import Channel
from tests.support.console import EVERYTHING, Console
from tests.tsq.bulk.conftest import draft, next_chunk, outcomes, park, stored
from tsq import bulk
from tsq.models import BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

pytestmark = pytest.mark.django_db

WORDS = ("pause", "resume", "stop", "retry_failures")


def limit(console: Console, domain: str) -> None:
    DomainLimit.objects.create(user=User.objects.get(username=console.username), domain=domain)


@pytest.fixture
def console(entries) -> Console:
    return console_of("ann")


def console_of(name: str, *without: str) -> Console:
    console = Console(*set(EVERYTHING) - set(without), username=name)
    console.username = name
    return console


@pytest.fixture
def operation(console) -> BulkOperation:
    """Ann's, running over five entries of the domain "test"."""
    return bulk.confirm(draft("retry", Channel.ADMIN).pk, operator="ann", arguments={"note": ""})


def test_somebody_not_logged_in_is_asked_to_log_in(operation):
    for word in ("change", "confirm", *WORDS):
        response = Client().post(f"/admin/tsq/bulkoperation/{operation.pk}/{word}/")
        assert response.url.startswith("/admin/login/?next=")
    assert stored(operation).status == BulkStatus.RUNNING


def test_without_permission_to_view_there_is_nothing_to_see_or_steer(operation):
    eve = console_of("eve", "tsq.view_bulkoperation")
    assert eve.page("tsq_bulkoperation_changelist").status_code == 403
    for word in ("change", "confirm"):
        assert eve.page(f"tsq_bulkoperation_{word}", operation.pk).status_code == 403
    for word in WORDS:
        assert eve.submit(f"tsq_bulkoperation_{word}", operation.pk).status_code == 403
    assert stored(operation).status == BulkStatus.RUNNING


def test_steering_needs_the_permission_of_the_verb(operation):
    viewer = console_of("eve", "tsq.retry_tsqentry")
    page = viewer.page("tsq_bulkoperation_change", operation.pk)
    assert page.status_code == 200
    assert page.context["buttons"] == []
    for word in WORDS:
        assert viewer.submit(f"tsq_bulkoperation_{word}", operation.pk).status_code == 403
    assert stored(operation).status == BulkStatus.RUNNING


def test_steering_is_for_post_only(console, operation):
    for word in WORDS:
        assert console.page(f"tsq_bulkoperation_{word}", operation.pk).status_code == 405
    assert stored(operation).status == BulkStatus.RUNNING


def test_a_draft_is_its_operators_alone(console):
    chosen = draft("retry", Channel.ADMIN)
    bob = console_of("bob")
    assert bob.page("tsq_bulkoperation_confirm", chosen.pk).status_code == 404
    assert bob.submit("tsq_bulkoperation_confirm", chosen.pk).status_code == 404
    assert console.page("tsq_bulkoperation_confirm", chosen.pk).status_code == 200
    assert stored(chosen).status == BulkStatus.DRAFT


def test_confirming_needs_the_permission_of_the_verb(console):
    chosen = draft("cancel", Channel.ADMIN)
    User.objects.get().user_permissions.filter(codename="cancel_tsqentry").delete()
    response = console.submit("tsq_bulkoperation_confirm", chosen.pk, reason="x")
    assert response.status_code == 403
    assert stored(chosen).status == BulkStatus.DRAFT


def test_everything_that_matches_is_only_what_one_may_see(console):
    park(2, domain="other")
    limit(console, "other")
    first = TsqEntry.objects.filter(domain="other").first()
    data = {"action": "retry", "index": "0", "_selected_action": [str(first.pk)]}
    console.client.post("/admin/tsq/tsqentry/", data | {"select_across": "1"})
    assert BulkOperation.objects.get().domains == ["other"]
    assert BulkOperation.objects.get().size == 2


def test_operations_of_other_domains_are_as_if_they_did_not_exist(operation):
    eve = console_of("eve")
    limit(eve, "other")
    assert str(operation.pk) not in eve.text("tsq_bulkoperation_changelist")
    assert eve.page("tsq_bulkoperation_change", operation.pk).status_code == 404
    for word in WORDS:
        assert eve.submit(f"tsq_bulkoperation_{word}", operation.pk).status_code == 404
    assert stored(operation).status == BulkStatus.RUNNING
    limit(eve, operation.domains[0])
    assert eve.page("tsq_bulkoperation_change", operation.pk).status_code == 200


def test_a_limit_set_meanwhile_holds_when_it_runs(console, operation):
    limit(console, "other")
    next_chunk(operation)
    why = f"ann may not act in the domain {operation.domains[0]} (any more)."
    assert outcomes(operation) == [("FAILED", why)] * 5
    assert TsqEntry.objects.count() == 5
    assert not OperatorAction.objects.resolutions().exists()


@pytest.mark.parametrize("change", ["permission", "active", "deleted"])
def test_a_permission_taken_away_meanwhile_holds_when_it_runs(operation, change):
    ann = User.objects.get()
    if change == "permission":
        ann.user_permissions.clear()
    elif change == "active":
        User.objects.update(is_active=False)
    else:
        ann.delete()
    next_chunk(operation)
    why = "ann has no permission (any more) to retry TSQ entries."
    assert outcomes(operation) == [("FAILED", why)] * 5
    assert TsqEntry.objects.count() == 5

"""Rules are written and notifications seen in the admin, within one's permissions and domains."""

import re
from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.module_loading import import_string
from django_q.models import Schedule

from processes.models import DomainLimit, OperatorAction
from processes.states import SubjectKind
from tests.support.console import Console, told
from tests.support.three_steps import DOMAIN
from tsq.models import Notification, NotificationRule
from tsq.notifications.gathering import gather
from tsq.notifications.signing import key_of, new_secret
from tsq.tasks_notifications import notify

pytestmark = pytest.mark.django_db

VIEW = ("tsq.view_notificationrule", "tsq.view_notification", "tsq.view_tsqentry")
WRITE = tuple(f"tsq.{verb}_notificationrule" for verb in ("add", "change", "delete"))
RETRY = "tsq.retry_notification"
RULE = {"domain": DOMAIN, "every_minutes": 5, "enabled": "on"}
SECRET = new_secret()


@pytest.fixture
def console() -> Console:
    return Console(*VIEW, *WRITE, RETRY)


@pytest.fixture
def failed(hook_rule, park) -> Notification:
    park(last_error_message="<script>alert(1)</script>")
    gather()
    Notification.objects.update(status="FAILED", tries=4, last_error="<i>down</i>")
    return Notification.objects.get()


def limit(console: Console, domain: str = "elsewhere") -> None:
    DomainLimit.objects.create(user_id=console.client.session["_auth_user_id"], domain=domain)


def test_a_rule_is_added_with_all_it_needs(console):
    answers = RULE | {
        "emails": "a@example.org\r\n b@example.org a@example.org",
        "webhook_url": "https://hooks.example.org/t0ken",
        "new_secret": SECRET,
    }
    assert console.submit("tsq_notificationrule_add", **answers).status_code == 302
    rule = NotificationRule.objects.get()
    assert rule.addresses == ["a@example.org", "b@example.org"]
    assert (rule.webhook_url, rule.webhook_secret) == (
        "https://hooks.example.org/t0ken",
        SECRET,
    )
    assert (rule.domain, rule.every_minutes, rule.enabled) == (DOMAIN, 5, True)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({}, "Write an e-mail address or the address of a webhook."),
        ({"emails": "not an address"}, "not is not an e-mail address."),
        ({"emails": " ".join(f"a{n}@example.org" for n in range(21))}, "at most 20 addresses"),
        ({"webhook_url": "http://hooks.example.org/"}, "plain http is for this machine"),
        ({"webhook_url": "gopher://x"}, "begins with https://"),
        ({"webhook_url": "https://hooks.example.org/"}, "A webhook is signed; write its secret."),
        ({"webhook_url": "https://x.example/", "new_secret": "abc"}, "24 to 64 bytes"),
        ({"emails": "a@example.org", "every_minutes": "0"}, "greater than or equal to 1"),
        ({"emails": "a@example.org", "every_minutes": "x"}, "Enter a whole number"),
        ({"emails": "a@example.org", "domain": ""}, "This field is required"),
        ({"emails": "a@example.org", "domain": "x\x00y"}, "Null characters are not allowed"),
    ],
)
def test_a_rule_that_is_not_right_is_refused(console, answers, error):
    response = console.submit("tsq_notificationrule_add", **RULE | answers)
    assert response.status_code == 200
    assert error in response.content.decode()
    assert not NotificationRule.objects.exists()


def test_the_secret_is_never_shown_again(console, hook_rule):
    pages = [
        console.text("tsq_notificationrule_change", hook_rule.pk),
        console.text("tsq_notificationrule_changelist"),
        console.text("tsq_notificationrule_history", hook_rule.pk),
        console.text("tsq_notificationrule_delete", hook_rule.pk),
        console.submit(
            "tsq_notificationrule_change", hook_rule.pk, new_secret=SECRET, domain=""
        ).content.decode(),
    ]
    for page in pages:
        assert hook_rule.webhook_secret not in page
        assert SECRET not in page
    for lookup in ("webhook_secret__startswith", "webhook_secret"):
        response = console.page("tsq_notificationrule_changelist", **{lookup: "whsec_"})
        assert response.status_code == 400


def test_a_fresh_secret_is_offered_and_kept_nowhere(console):
    offered = [
        re.search(r"<code>(whsec_[^<]+)</code>", console.text("tsq_notificationrule_add"))[1]
        for _ in range(2)
    ]
    assert offered[0] != offered[1]
    assert key_of(offered[0])


def test_an_empty_secret_keeps_the_present_one_and_another_replaces_it(console, hook_rule):
    answers = RULE | {"webhook_url": hook_rule.webhook_url}
    console.submit("tsq_notificationrule_change", hook_rule.pk, **answers, new_secret="")
    assert NotificationRule.objects.get().webhook_secret == hook_rule.webhook_secret
    console.submit("tsq_notificationrule_change", hook_rule.pk, **answers, new_secret=SECRET)
    assert NotificationRule.objects.get().webhook_secret == SECRET
    logged = "".join(
        f"{entry.object_repr}{entry.change_message}" for entry in LogEntry.objects.all()
    )
    assert "whsec" not in logged
    assert "/hook" not in logged


def test_all_that_is_done_to_a_rule_is_in_the_audit_but_no_secret(console):
    hook = {"webhook_url": "https://hooks.example.org/t0ken", "new_secret": SECRET}
    console.submit("tsq_notificationrule_add", **RULE, **hook)
    rule = NotificationRule.objects.get()
    changed = RULE | hook | {"every_minutes": 9, "new_secret": new_secret(), "domain": "ignored"}
    console.submit("tsq_notificationrule_change", rule.pk, **changed)
    console.submit("tsq_notificationrule_change", rule.pk, **changed | {"webhook_url": "gopher:"})
    console.submit("tsq_notificationrule_delete", rule.pk, post="yes")

    added, edited, deleted = OperatorAction.objects.on(SubjectKind.NOTIFICATION_RULE, rule.pk)
    assert [a.action for a in (added, edited, deleted)] == ["add", "change", "delete"]
    for action in (added, edited, deleted):
        assert (action.operator, action.channel, action.domain) == ("ann", "admin", DOMAIN)
    assert (added.before, deleted.after) == ({}, {})
    assert added.after["webhook"] == "webhook at hooks.example.org"
    assert edited.after["written"] == ["every_minutes", "new_secret"]
    assert (edited.before["every_minutes"], edited.after["every_minutes"]) == (5, 9)
    assert deleted.before["every_minutes"] == 9
    kept = str([(a.before, a.after) for a in (added, edited, deleted)])
    assert "t0ken" not in kept
    assert "whsec" not in kept


def test_a_rule_is_deleted_with_its_notifications(console, failed, hook_rule):
    response = console.submit("tsq_notificationrule_delete", hook_rule.pk, post="yes")
    assert response.status_code == 302
    assert not NotificationRule.objects.exists()
    assert not Notification.objects.exists()


def test_one_who_may_look_sees_no_address_of_a_webhook_and_changes_nothing(hook_rule):
    viewer = Console(*VIEW)
    text = viewer.text("tsq_notificationrule_change", hook_rule.pk)
    assert "webhook at 127.0.0.1" in text
    assert "/hook" not in text
    assert "whsec_" not in text
    answers = RULE | {"emails": "x@example.org"}
    for page, args in (("change", [hook_rule.pk]), ("delete", [hook_rule.pk]), ("add", [])):
        response = viewer.submit(f"tsq_notificationrule_{page}", *args, **answers)
        assert response.status_code == 403
    assert NotificationRule.objects.get().emails == ""


def test_a_failed_notification_is_seen_and_tried_again(console, failed):
    listed = console.text("tsq_notification_changelist")
    page = console.text("tsq_notification_change", failed.pk)
    for text in (listed, page):
        assert "&lt;i&gt;down&lt;/i&gt;" in text
        assert "webhook at 127.0.0.1" in text
        assert "<i>down</i>" not in text
        assert "/hook" not in text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert f'href="/admin/tsq/tsqentry/?fingerprint={failed.fingerprint}"' in page

    response = console.submit("tsq_notification_retry", failed.pk)

    assert told(response) == ["The next worker to look, within a minute, tries it again."]
    assert Notification.objects.get().status == "PENDING"
    action = OperatorAction.objects.on(SubjectKind.NOTIFICATION, failed.pk).get()
    assert (action.action, action.operator, action.channel) == ("retry", "ann", "admin")
    assert action.domain == DOMAIN
    assert (action.before["status"], action.after["status"]) == ("FAILED", "PENDING")
    assert action.before["recipient"] == "webhook at 127.0.0.1"


def test_what_is_sent_is_not_tried_again(console, failed):
    failed.status, failed.sent_at = "SENT", failed.created_at
    failed.save()
    assert "Retry now" not in console.text("tsq_notification_change", failed.pk)
    response = console.submit("tsq_notification_retry", failed.pk)
    assert told(response) == ["This notification need not be tried again; it is sent."]
    assert Notification.objects.get().status == "SENT"
    assert not OperatorAction.objects.exists()


def test_a_retry_is_a_post_with_a_permission_of_its_own(console, failed):
    assert console.page("tsq_notification_retry", failed.pk).status_code == 405
    viewer = Console(*VIEW, *WRITE, username="ben")
    assert "Retry now" not in viewer.text("tsq_notification_change", failed.pk)
    blind = Console(RETRY, username="eve")
    for other in (viewer, blind):
        assert other.submit("tsq_notification_retry", failed.pk).status_code == 403
    assert Notification.objects.get().status == "FAILED"


def test_without_permissions_there_is_nothing_to_see(failed, hook_rule):
    nobody = Console()
    for page, args in (
        ("notification_changelist", []),
        ("notification_change", [failed.pk]),
        ("notificationrule_changelist", []),
        ("notificationrule_add", []),
        ("notificationrule_change", [hook_rule.pk]),
        ("notificationrule_delete", [hook_rule.pk]),
        ("notificationrule_history", [hook_rule.pk]),
    ):
        assert nobody.page(f"tsq_{page}", *args).status_code == 403


def test_rules_and_notifications_of_other_domains_are_as_if_there_were_none(
    console, failed, hook_rule
):
    limit(console)
    for name in ("notification", "notificationrule"):
        assert "127.0.0.1" not in console.text(f"tsq_{name}_changelist")
    assert console.page("tsq_notification_change", failed.pk).status_code == 404
    assert console.submit("tsq_notification_retry", failed.pk).status_code == 404
    answers = RULE | {"emails": "x@example.org", "domain": "elsewhere", "post": "yes"}
    for page in ("change", "delete", "history"):
        for response in (
            console.page(f"tsq_notificationrule_{page}", hook_rule.pk),
            console.submit(f"tsq_notificationrule_{page}", hook_rule.pk, **answers),
        ):
            assert response.status_code == 302
            assert response.url == "/admin/"
    assert NotificationRule.objects.get().emails == ""
    assert Notification.objects.get().status == "FAILED"


def test_one_limited_to_a_domain_writes_rules_of_that_domain_only(console):
    limit(console, "elsewhere")
    answers = RULE | {"emails": "a@example.org"}
    refused = console.submit("tsq_notificationrule_add", **answers)
    assert "You are limited to other domains." in refused.content.decode()
    assert not NotificationRule.objects.exists()
    answers["domain"] = "elsewhere"
    assert console.submit("tsq_notificationrule_add", **answers).status_code == 302
    assert NotificationRule.objects.get().domain == "elsewhere"


def test_a_rule_stays_in_its_domain(console, mail_rule):
    answers = RULE | {"emails": "a@example.org", "domain": "elsewhere"}
    console.submit("tsq_notificationrule_change", mail_rule.pk, **answers)
    rule = NotificationRule.objects.get()
    assert (rule.emails, rule.domain) == ("a@example.org", DOMAIN)


def test_the_rules_tell_that_deliveries_failed(console, failed):
    page = console.text("tsq_notificationrule_changelist")
    assert '<a href="/admin/tsq/notification/?status=FAILED">some failed</a>' in page
    assert "4" in console.text("tsq_notification_changelist", status="FAILED")
    Notification.objects.update(status="PENDING")
    assert "some failed" not in console.text("tsq_notificationrule_changelist")


def test_the_workers_are_scheduled_to_look_every_minute():
    migration = import_module("tsq.migrations.0004_notification_schedule")
    migration.remove(apps, None)
    for _ in range(2):
        migration.create(apps, None)
    schedule = Schedule.objects.get(name=migration.NAME)
    assert (schedule.schedule_type, schedule.minutes, schedule.repeats) == ("I", 1, -1)
    assert import_string(schedule.func) is notify


@pytest.mark.parametrize("query", [{"status": "x"}, {"kind": "\x00"}, {"p": "99"}, {"q": "x"}])
def test_odd_queries_are_answered_with_a_page(console, failed, query):
    response = console.page("tsq_notification_changelist", **query)
    assert response.status_code in (200, 302)


def test_a_list_needs_few_queries_however_many_rows(console, hook_rule, park):
    for group in "abcdef":
        park(group)
    gather()
    with CaptureQueriesContext(connection) as queries:
        console.text("tsq_notification_changelist")
    assert len(queries) < 12


def test_the_link_of_a_message_leads_to_the_entries_of_its_group(console, failed, park):
    park("c", command_type="OtherType")
    path = failed.payload["url"].removeprefix("http://localhost:8000")
    page = console.client.get(path)
    assert page.status_code == 200
    listed = page.context["cl"].result_list
    assert {entry.fingerprint for entry in listed} == {failed.fingerprint}

"""What is due is sent, outside any transaction; failures are kept, tried again and given up."""

import logging
import uuid

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from processes.audit import OperatorRequired
from processes.bus.errors import NotFound
from processes.models import OperatorAction
from tests.support.sessions import run_together
from tsq.models import Notification, NotificationRule
from tsq.notifications import webhook
from tsq.notifications.gathering import gather
from tsq.notifications.sending import LEASE, NotRetriable, _settle, _take, retry_now, send_due
from tsq.tasks_notifications import notify

pytestmark = pytest.mark.django_db

MINUTE = 60


def test_a_mail_tells_the_entries_and_the_link(mail_rule, park, settings):
    settings.DEFAULT_FROM_EMAIL = "Bus <bus@example.org>"
    park(last_error_message="<b>No space</b>\nleft & gone", data={"iban": "DE02"})
    notify()

    (message,) = mail.outbox
    notification = Notification.objects.get()
    assert message.to == ["ops@example.org"]
    assert message.subject == f"[{mail_rule.domain}] 1 new TSQ entry: BROKEN in Test"
    assert message.extra_headers == {"Message-ID": f"<{notification.pk}@example.org>"}
    assert "<b>No space</b>\nleft & gone" in message.body
    assert f"See and resolve them: {notification.payload['url']}\n" in message.body
    assert "DE02" not in message.body
    assert (notification.status, notification.tries) == ("SENT", 1)
    assert notification.sent_at is not None


def test_an_error_code_of_many_lines_makes_no_headers(mail_rule, park):
    park(last_error_code="A\nBcc: x@example.org")
    notify()
    assert mail.outbox[0].subject.endswith(" entry: A Bcc: x@example.org in Test")
    assert mail.outbox[0].bcc == []


def test_what_is_sent_is_not_sent_again(hook_rule, receiver, park, clock):
    park()
    notify()
    clock.advance(3600)
    notify()
    assert len(receiver.received) == 1
    assert send_due() == 0


def test_failures_are_tried_again_after_1_5_and_30_minutes_then_given_up(
    hook_rule, receiver, park, clock
):
    receiver.status = 503
    park()
    gather()
    for tries, wait in enumerate([1, 5, 30], start=1):
        assert send_due() == 1
        waiting = Notification.objects.get()
        assert (waiting.status, waiting.tries) == ("PENDING", tries)
        assert waiting.last_error == "WebhookRefused: The receiver answered with HTTP status 503."
        clock.advance(wait * MINUTE - 1)
        assert send_due() == 0
        clock.advance(1)
    assert send_due() == 1
    given_up = Notification.objects.get()
    assert (given_up.status, given_up.tries, given_up.sent_at) == ("FAILED", 4, None)
    clock.advance(24 * 3600)
    assert send_due() == 0
    assert len(receiver.received) == 4
    assert len({request.headers["webhook-id"] for request in receiver.received}) == 1


def test_a_failure_holds_up_nobody_else(hook_rule, mail_rule, receiver, park):
    receiver.status = 500
    park()
    notify()
    assert len(mail.outbox) == 1
    assert set(Notification.objects.values_list("kind", "status")) == {
        ("EMAIL", "SENT"),
        ("WEBHOOK", "PENDING"),
    }


def test_new_ones_go_before_those_that_failed(hook_rule, mail_rule, receiver, park, clock):
    receiver.status = 500
    park("a")
    notify()
    park("c")
    gather()
    clock.advance(MINUTE)
    assert [_take().tries for _ in range(3)] == [1, 1, 2]


def test_a_mail_that_cannot_be_sent_is_tried_again(mail_rule, park, clock, monkeypatch):
    def refuse(*_):
        raise ConnectionRefusedError(111, "Connection refused")

    park()
    with monkeypatch.context() as down:
        down.setattr(EmailBackend, "send_messages", refuse)
        notify()
    assert Notification.objects.get().last_error == (
        "ConnectionRefusedError: [Errno 111] Connection refused"
    )
    clock.advance(MINUTE)
    notify()
    assert Notification.objects.get().status == "SENT"
    assert len(mail.outbox) == 1


def test_what_a_worker_died_with_is_sent_after_its_lease(hook_rule, receiver, park, clock):
    park()
    gather()
    _take()
    assert Notification.objects.get().status == "SENDING"
    clock.advance(LEASE.total_seconds() - 1)
    assert send_due() == 0
    clock.advance(1)
    assert send_due() == 1
    assert (Notification.objects.get().status, Notification.objects.get().tries) == ("SENT", 2)


def test_an_outcome_after_the_lease_does_not_undo_the_next_one(hook_rule, park, clock):
    park()
    gather()
    late = _take()
    clock.advance(LEASE.total_seconds())
    assert send_due() == 1
    _settle(late, "too late")
    assert (Notification.objects.get().status, Notification.objects.get().last_error) == (
        "SENT",
        "",
    )


def test_a_rule_that_is_off_sends_nothing(hook_rule, receiver, park):
    park()
    gather()
    NotificationRule.objects.update(enabled=False)
    assert send_due() == 0
    assert receiver.received == []


def test_a_mended_address_is_used_for_what_still_waits(hook_rule, receiver, park, clock):
    park()
    gather()
    hook_rule.webhook_url = receiver.url + "/mended"
    hook_rule.save()
    send_due()
    assert receiver.received[0].path == "/hook/mended"
    assert Notification.objects.get().recipient == hook_rule.webhook_url


def test_retry_now_tries_a_failed_one_once_more(hook_rule, receiver, park):
    park()
    gather()
    Notification.objects.update(status="FAILED", tries=4, last_error="down")
    retry_now(Notification.objects.get().pk, operator="ann")
    receiver.status = 500
    assert send_due() == 1
    assert (Notification.objects.get().status, Notification.objects.get().tries) == ("FAILED", 5)


def test_retry_now_does_not_wait_for_the_backoff(hook_rule, receiver, park):
    receiver.status = 500
    park()
    notify()
    receiver.status = 204
    retry_now(Notification.objects.get().pk, operator="ann")
    send_due()
    assert Notification.objects.get().status == "SENT"


def test_retry_now_knows_what_there_is_and_who_acts(hook_rule, park):
    park()
    gather()
    with pytest.raises(NotFound):
        retry_now(uuid.uuid4(), operator="ann")
    with pytest.raises(OperatorRequired):
        retry_now(Notification.objects.get().pk, operator=" ")
    assert not OperatorAction.objects.exists()


def test_retry_now_leaves_alone_what_is_sent_or_being_sent(hook_rule, receiver, park):
    park()
    gather()
    _take()
    with pytest.raises(NotRetriable, match="it is sending"):
        retry_now(Notification.objects.get().pk, operator="ann")
    Notification.objects.update(status="PENDING", next_try_at="2020-01-01T00:00Z")
    send_due()
    with pytest.raises(NotRetriable, match="it is sent"):
        retry_now(Notification.objects.get().pk, operator="ann")
    assert len(receiver.received) == 1


def test_nothing_secret_is_logged_or_kept_as_an_error(hook_rule, receiver, park, caplog):
    receiver.status = 500
    park()
    with caplog.at_level(logging.DEBUG):
        notify()
    secret = hook_rule.webhook_secret
    assert "not sent: WebhookRefused" in caplog.text
    assert secret not in caplog.text + Notification.objects.get().last_error
    assert secret not in repr(hook_rule)
    assert "/hook" not in repr(hook_rule)


@pytest.mark.django_db(transaction=True)
def test_it_is_sent_outside_any_transaction(hook_rule, mail_rule, receiver, park, monkeypatch):
    inside = []

    def spy(*_, **__):
        inside.append(connection.in_atomic_block)
        return 1

    monkeypatch.setattr(EmailBackend, "send_messages", spy)
    monkeypatch.setattr(webhook, "_body", lambda _: spy() and b"{}")
    park()
    notify()
    assert inside == [False, False]


@pytest.mark.django_db(transaction=True)
def test_of_many_senders_at_once_each_message_is_sent_by_one(hook_rule, receiver, park):
    for group in "abcdef":
        park(group)
    gather()
    assert sum(run_together(*[send_due] * 4)) == 6
    assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received) == 6

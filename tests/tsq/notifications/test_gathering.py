"""Every new entry is told of, each once, at most one message per group and interval."""

import threading

import pytest
from django.db import transaction

from processes.bus.clock import BusNow
from processes.bus.models import Command
from processes.bus.states import CommandStatus
from tests.factories import CommandFactory
from tests.support.sessions import in_other_session, run_together
from tsq.models import Notification, NotificationRule, ToldEntry
from tsq.notifications.gathering import MESSAGE_CHARACTERS, gather
from tsq.operations import retry

pytestmark = pytest.mark.django_db


def counts() -> list[int]:
    """Of all notifications, the oldest first."""
    return [n.payload["count"] for n in Notification.objects.order_by("created_at", "fingerprint")]


def test_a_message_tells_the_group_and_where_to_see_it(mail_rule, park, clock, settings):
    settings.COMMANDBUS_SITE_URL = "https://bus.example.org"
    first = park(last_error_message="line 1", data={"iban": "DE02"})
    clock.advance(30)
    last = park(last_error_message="x" * 9000, data={"iban": "DE02"})

    assert gather() == 1

    notification = Notification.objects.get()
    assert (notification.kind, notification.recipient) == ("EMAIL", "ops@example.org")
    assert (notification.status, notification.tries) == ("PENDING", 0)
    assert notification.payload == {
        "domain": first.domain,
        "command_type": "Test",
        "error_code": "BROKEN",
        "sample_message": "x" * MESSAGE_CHARACTERS,
        "count": 2,
        "first_parked_at": first.parked_at.isoformat(),
        "last_parked_at": last.parked_at.isoformat(),
        "fingerprint": "b" * 32,
        "url": f"https://bus.example.org/admin/tsq/tsqentry/?fingerprint={'b' * 32}",
    }


def test_nothing_is_told_twice(mail_rule, park, clock):
    park()
    assert gather() == 1
    clock.advance(3600)
    assert gather() == 0
    assert counts() == [1]


def test_what_follows_is_gathered_until_the_interval_is_over(mail_rule, park, clock):
    park()
    gather()
    clock.advance(60)
    park(), park()
    clock.advance(239)
    assert gather() == 0
    clock.advance(1)
    assert gather() == 1
    assert counts() == [1, 2]


def test_another_group_does_not_wait(mail_rule, park):
    park("a")
    gather()
    park("c")
    assert gather() == 1


def test_each_recipient_has_a_message_of_its_own(hook_rule, receiver, park):
    hook_rule.emails = "a@example.org\nb@example.org"
    hook_rule.save()
    park()
    assert gather() == 3
    told = Notification.objects.values_list("kind", "recipient").order_by("recipient")
    assert list(told) == [
        ("EMAIL", "a@example.org"),
        ("EMAIL", "b@example.org"),
        ("WEBHOOK", receiver.url),
    ]


def test_other_domains_older_entries_and_finished_commands_are_not_told(park, clock):
    park()
    clock.advance(1)
    NotificationRule.objects.create(domain=Command.objects.get().domain, emails="a@example.org")
    park(domain="elsewhere")
    CommandFactory(canceled=True), CommandFactory()
    assert gather() == 0
    assert not ToldEntry.objects.exists()


def test_a_rule_that_is_off_tells_when_it_is_on_again(mail_rule, park):
    NotificationRule.objects.update(enabled=False)
    park()
    assert gather() == 0
    NotificationRule.objects.update(enabled=True)
    assert gather() == 1


def test_an_entry_parked_anew_is_told_anew_and_resolved_ones_are_forgotten(mail_rule, park, clock):
    entry, other = park(), park("a")
    gather()
    for command in (entry, other):
        retry(command.pk, operator="ann")
    Command.objects.filter(pk=entry.pk).update(
        status=CommandStatus.IN_TROUBLESHOOTING_QUEUE,
        deliveries=2,
        attempts=1,
        parked_at=BusNow(),
    )
    clock.advance(300)

    assert gather() == 1

    assert Notification.objects.latest("created_at").fingerprint == entry.fingerprint
    assert list(ToldEntry.objects.values_list("command_id", "deliveries")) == [(entry.pk, 2)]


def test_the_costs_do_not_grow_with_the_entries(mail_rule, park, clock, django_assert_num_queries):
    for group in "abcdef":
        park(group), park(group)
    with django_assert_num_queries(7):  # rules; savepoint, lock, forget, tell, insert, release
        assert gather() == 6


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_commits_late_is_not_missed(mail_rule, park, clock):
    parked, commit = threading.Event(), threading.Event()

    def park_and_hold():
        with transaction.atomic():
            park("c")
            parked.set()
            assert commit.wait(10)

    late = in_other_session(park_and_hold)
    assert parked.wait(10)
    clock.advance(60)
    park("a")
    assert gather() == 1
    commit.set()
    late.result(10)

    assert gather() == 1
    early, told_late = Notification.objects.order_by("created_at")
    assert told_late.fingerprint == "c" * 32
    assert told_late.payload["last_parked_at"] < early.payload["last_parked_at"]


@pytest.mark.django_db(transaction=True)
def test_of_many_gatherers_at_once_each_entry_is_told_by_one(mail_rule, park):
    for group in "abcdef":
        park(group)
    made = run_together(*[gather] * 4)
    assert sum(made) == 6
    assert counts() == [1] * 6


@pytest.mark.django_db(transaction=True)
def test_a_gatherer_leaves_a_rule_to_the_one_that_has_it(mail_rule, park):
    park()
    with transaction.atomic():
        assert gather() == 1
        assert in_other_session(gather).result(10) == 0
    assert gather() == 0
    assert counts() == [1]


@pytest.mark.django_db(transaction=True)
def test_a_gatherer_does_not_wait_for_an_operator_who_holds_an_entry(mail_rule, park):
    entry = park()
    with transaction.atomic():
        Command.objects.select_for_update().get(pk=entry.pk)
        assert in_other_session(gather).result(10) == 1

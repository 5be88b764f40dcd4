"""The inbox of a service with an address of its own: in order, until acknowledged."""

import pytest
from django.db import connection, transaction

from processes.bus.clock import BusNow
from processes.bus.errors import InvalidCommandData, NotFound
from processes.bus.external import claim_external, succeed_external
from processes.bus.inbox import acknowledge, unread
from processes.bus.models import Reply
from tests.bus.delivering import send
from tests.factories import REPLY_TO, CommandFactory, ReplyFactory
from tests.support.sessions import in_other_session, run_together
from tests.support.three_steps import DOMAIN

pytestmark = pytest.mark.django_db

every_wrong_address = pytest.mark.parametrize(
    ("address", "remedy"),
    [
        ("processes", "reply_to 'processes' is reserved; use an address of your own"),
        ("", "reply_to must be 1 to 200 printable characters"),
        ("a\x00b", "reply_to must be"),
        (None, "reply_to must be"),
    ],
)


def test_the_unread_ones_of_an_address_come_in_order_of_their_ids():
    notice, final = ReplyFactory(parked=True), ReplyFactory()
    ReplyFactory(handled=True)
    ReplyFactory(reply_to="somebody-else")
    ReplyFactory(reply_to="processes")

    replies = unread(REPLY_TO)

    assert replies == [notice, final]
    assert [reply.outcome for reply in replies] == ["PARKED", "SUCCESS"]


def test_at_most_so_many_are_read():
    first, _ = ReplyFactory(), ReplyFactory()

    assert unread(REPLY_TO, limit=1) == [first]


def test_only_the_asked_domains_are_read():
    ReplyFactory()
    other = ReplyFactory(command=CommandFactory(completed=True, domain="other", reply_to=REPLY_TO))

    assert unread(REPLY_TO, domains=["other"]) == [other]
    assert unread(REPLY_TO, domains=[]) == []
    assert len(unread(REPLY_TO)) == 2


def test_the_command_comes_along_without_its_data(django_assert_num_queries):
    for _ in range(2):
        ReplyFactory()

    with django_assert_num_queries(1):
        replies = unread(REPLY_TO)
        assert {reply.command.command_type for reply in replies} == {"Test"}
    assert replies[0].command.get_deferred_fields() == {"data", "edited_data"}


def test_it_is_read_until_it_is_acknowledged():
    reply, other = ReplyFactory(), ReplyFactory()
    assert unread(REPLY_TO) == unread(REPLY_TO) == [reply, other]

    acknowledged = acknowledge(REPLY_TO, reply.pk)

    assert acknowledged == reply
    assert acknowledged.handled_at == Reply.objects.get(pk=reply.pk).handled_at is not None
    assert unread(REPLY_TO) == [other]


def test_acknowledging_again_is_the_same_and_changes_nothing(clock):
    reply = ReplyFactory()
    first = acknowledge(REPLY_TO, reply.pk)
    before = Reply.objects.values().get()
    clock.advance(60)

    again = acknowledge(REPLY_TO, reply.pk)

    assert again.handled_at == first.handled_at
    assert Reply.objects.values().get() == before


@pytest.mark.parametrize("reply_id", [0, -1, 2**70, "no id", None])
def test_an_unknown_reply_is_not_found(reply_id):
    with pytest.raises(NotFound, match=f"There is no reply {reply_id} to 'test-sender'"):
        acknowledge(REPLY_TO, reply_id)


def test_the_reply_to_another_address_is_not_found_and_stays_unread():
    theirs = ReplyFactory(reply_to="somebody-else")

    with pytest.raises(NotFound):
        acknowledge(REPLY_TO, theirs.pk)

    assert unread("somebody-else") == [theirs]


@every_wrong_address
def test_an_address_nobody_may_have_is_refused(address, remedy):
    reply = ReplyFactory(reply_to="processes")

    with pytest.raises(InvalidCommandData, match=remedy):
        unread(address)
    with pytest.raises(InvalidCommandData, match=remedy):
        acknowledge(address, reply.pk)

    assert Reply.objects.get().handled_at is None


@pytest.mark.parametrize("limit", [0, 101, "5", None])
def test_a_senseless_limit_is_refused(limit):
    with pytest.raises(InvalidCommandData, match="limit must be a whole number from 1 to 100"):
        unread(REPLY_TO, limit=limit)


def test_reading_costs_what_is_unread_however_much_was_read_before():
    command = CommandFactory(completed=True)
    notice = {"command": command, "reply_to": REPLY_TO, "outcome": "PARKED"}
    Reply.objects.bulk_create(
        Reply(**notice, handled_at=BusNow() if number < 3000 else None) for number in range(3300)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bus_reply")

    plan = Reply.objects.inbox(REPLY_TO).order_by("id")[:10].explain(analyze=True)

    assert "Index Scan using reply_inbox" in plan
    assert "Sort" not in plan


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_it_is_acknowledged_once(self):
        reply = ReplyFactory()

        acknowledged = run_together(*[lambda: acknowledge(REPLY_TO, reply.pk).handled_at] * 8)

        assert len(set(acknowledged)) == 1
        assert acknowledged[0] == Reply.objects.get().handled_at

    def test_a_reply_that_commits_after_a_later_one_is_delivered_all_the_same(
        self, register_external
    ):
        register_external("Test")
        slow, quick = send(), send()
        claim_external(DOMAIN, ["Test"], limit=2)

        with transaction.atomic():
            succeed_external(slow.pk, 1)
            in_other_session(lambda: succeed_external(quick.pk, 1)).result(5)
            (seen,) = in_other_session(lambda: unread(REPLY_TO)).result(5)
            in_other_session(lambda: acknowledge(REPLY_TO, seen.pk)).result(5)

        (late,) = unread(REPLY_TO)
        assert (seen.command_id, late.command_id) == (quick.pk, slow.pk)
        assert late.pk < seen.pk

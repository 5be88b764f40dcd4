"""A service reads the replies to its address over REST, and acknowledges them."""

import time

import pytest

from processes.bus.models import Reply
from tests.factories import CommandFactory, ReplyFactory
from tests.support.service import REPLIES, Service, problem_of
from tests.support.sessions import in_other_session, wait_until
from tests.support.three_steps import DOMAIN

pytestmark = pytest.mark.django_db

MINE = "shop"  # the name of the service that the fixture makes


def reply_to(address: str = MINE, **more) -> Reply:
    command = CommandFactory(completed=True, reply_to=address, **more)
    return ReplyFactory(command=command, data={"parcel": 7})


def read(service: Service, address: str = MINE, **words) -> list[dict]:
    response = service.get(REPLIES, {"reply_to": address} | words)
    assert response.status_code == 200, response.content
    return response.json()["results"]


def ids(replies: list[dict]) -> list[int]:
    return [reply["id"] for reply in replies]


def acknowledge(service: Service, reply: Reply, address: str = MINE):
    return service.post(f"{REPLIES}/{reply.id}/acknowledge", {"reply_to": address})


class TestRead:
    def test_a_reply_tells_what_became_of_the_command(self, service):
        reply = reply_to()

        (shown,) = read(service)

        created_at = shown.pop("created_at")
        assert created_at.startswith(f"{reply.created_at:%Y-%m-%dT%H:%M}")
        assert shown == {
            "id": reply.id,
            "command_id": str(reply.command_id),
            "correlation_id": str(reply.correlation_id),
            "command_type": "Test",
            "domain": DOMAIN,
            "outcome": "SUCCESS",
            "data": {"parcel": 7},
            "error_code": "",
            "error_message": "",
        }

    def test_a_notice_has_the_error_and_no_data(self, service):
        ReplyFactory(parked=True, command=CommandFactory(parked=True, reply_to=MINE))
        (shown,) = read(service)
        assert (shown["outcome"], shown["error_code"], shown["data"]) == ("PARKED", "BROKEN", None)

    def test_they_come_in_order_and_again_until_acknowledged(self, service):
        first, second, third = (reply_to() for _ in range(3))

        assert ids(read(service, limit=2)) == [first.id, second.id]
        acknowledge(service, first)
        assert ids(read(service)) == [second.id, third.id]

    def test_each_address_has_its_own(self, service):
        sub, other = f"{MINE}/a", f"{MINE}/b"
        mine = reply_to(sub)
        reply_to(other)
        reply_to()
        assert ids(read(service, sub)) == [mine.id]

    @pytest.mark.parametrize("address", ["else", "shop2", "shop-2/a", "SHOP", "processes", "/shop"])
    def test_the_address_of_another_is_refused(self, service, address):
        reply_to(address)
        refused = service.get(REPLIES, {"reply_to": address, "wait_seconds": 20})
        assert "yours are shop, and shop/" in problem_of(refused, 403, "OTHER_ADDRESS")["detail"]

    def test_who_is_limited_to_domains_reads_of_these_only(self):
        service = Service("bus.send_command", domain="mine")
        reply_to()
        mine = reply_to(domain="mine")
        assert ids(read(service)) == [mine.id]

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            ({}, "reply_to"),
            ({"reply_to": MINE, "limit": "0"}, "limit"),
            ({"reply_to": MINE, "limit": "101"}, "limit"),
            ({"reply_to": MINE, "limit": "1.0"}, "limit"),
            ({"reply_to": MINE, "limit": "-1"}, "limit"),
            ({"reply_to": MINE, "limit": ["1", "2"]}, "limit"),
            ({"reply_to": MINE, "wait_seconds": "21"}, "wait_seconds"),
            ({"reply_to": MINE, "wait_seconds": "soon"}, "wait_seconds"),
            ({"reply_to": MINE, "cursor": "x"}, "cursor"),
        ],
    )
    def test_a_wrong_word_is_named(self, service, words, named):
        problem = problem_of(service.get(REPLIES, words), 400, "INVALID_FILTER")
        assert [error["field"] for error in problem["errors"]] == [named]

    def test_they_are_read_and_not_posted(self, service):
        refused = service.post(f"{REPLIES}?reply_to={MINE}", {})
        problem_of(refused, 405, "METHOD_NOT_ALLOWED")

    def test_it_needs_the_permission_to_send(self):
        service = Service("bus.execute_command")
        problem_of(service.get(REPLIES, {"reply_to": MINE}), 403, "PERMISSION_DENIED")
        problem_of(acknowledge(service, reply_to()), 403, "PERMISSION_DENIED")


class TestLongPoll:
    @pytest.mark.django_db(transaction=True)
    def test_it_ends_early_when_a_reply_comes(self, service):
        asked = in_other_session(lambda: read(service, wait_seconds=20))
        wait_until(lambda: asked.running() or asked.done())
        reply = reply_to()
        assert ids(asked.result(5)) == [reply.id]

    def test_it_waits_no_longer_than_asked(self, service):
        started = time.monotonic()
        assert read(service, wait_seconds=1) == []
        assert 1 <= time.monotonic() - started < 3


class TestAcknowledge:
    def test_it_is_read_no_more(self, service):
        reply = reply_to()

        response = acknowledge(service, reply)

        assert response.status_code == 200
        reply.refresh_from_db()
        assert reply.handled_at
        assert response.json()["id"] == reply.id
        assert response.json()["acknowledged_at"]
        assert read(service) == []

    def test_again_changes_nothing(self, service):
        reply = reply_to()
        first, again = acknowledge(service, reply), acknowledge(service, reply)
        assert first.json() == again.json()

    @pytest.mark.parametrize("number", [10**9, 10**30])
    def test_an_id_that_is_none_is_not_found(self, service, number):
        refused = service.post(f"{REPLIES}/{number}/acknowledge", {"reply_to": MINE})
        problem_of(refused, 404, "NOT_FOUND")

    def test_another_address_is_refused(self, service):
        reply = reply_to("else")
        problem_of(acknowledge(service, reply, "else"), 403, "OTHER_ADDRESS")
        problem_of(acknowledge(service, reply), 404, "NOT_FOUND")
        assert Reply.objects.get().handled_at is None

    def test_a_reply_of_another_domain_is_not_found(self):
        service = Service("bus.send_command", domain="elsewhere")
        problem_of(acknowledge(service, reply_to()), 404, "NOT_FOUND")
        assert Reply.objects.get().handled_at is None

    @pytest.mark.parametrize("body", [{}, {"reply_to": 7}, {"reply_to": MINE, "x": 1}])
    def test_a_wrong_body_is_refused(self, service, body):
        refused = service.post(f"{REPLIES}/{reply_to().id}/acknowledge", body)
        problem_of(refused, 400, "INVALID_REQUEST")
        assert Reply.objects.get().handled_at is None

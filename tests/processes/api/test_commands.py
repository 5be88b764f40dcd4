"""Send, list and show commands over REST."""

import uuid

import pytest
from django.contrib.auth.models import User

from processes.bus.models import Command
from processes.models import DomainLimit
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory
from tests.support.behaviours import permanent
from tests.support.service import COMMANDS, Service, problem_of
from tests.support.three_steps import DOMAIN

pytestmark = pytest.mark.django_db

WANTED = {"domain": DOMAIN, "command_type": "Test", "data": {"account": 7}}


class TestSend:
    def test_a_command_is_sent(self, service):
        response = service.post(COMMANDS, WANTED)

        assert response.status_code == 201
        command = Command.objects.get()
        assert (command.data, command.reply_to, command.max_attempts) == ({"account": 7}, "", 3)
        assert response["Location"] == f"{COMMANDS}/{command.id}"
        shown = service.get(response["Location"]).json()
        told = response.json()
        assert told == {name: shown[name] for name in told}
        assert [event["type"] for event in shown["events"]] == ["SENT"]
        assert shown["data"] == {"account": 7}

    def test_all_that_may_be_given_is_kept(self, service):
        more = {
            "command_id": str(uuid.uuid4()),
            "correlation_id": str(uuid.uuid4()),
            "reply_to": "shop/orders",
            "max_attempts": 7,
        }
        told = service.post(COMMANDS, WANTED | more).json()
        assert told | {"command_id": told["id"]} == told | more

    def test_the_same_id_finds_the_command_and_sends_no_other(self, service):
        wanted = WANTED | {"command_id": str(uuid.uuid4())}
        first, second = service.post(COMMANDS, wanted), service.post(COMMANDS, wanted)
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert Command.objects.count() == 1

    def test_an_id_that_is_taken_is_a_conflict(self, service):
        wanted = WANTED | {"command_id": str(uuid.uuid4())}
        service.post(COMMANDS, wanted)
        problem_of(service.post(COMMANDS, wanted | {"data": {}}), 409, "DUPLICATE_COMMAND")
        assert Command.objects.get().data == {"account": 7}

    @pytest.mark.parametrize("address", ["shop", "shop/orders", ""])
    def test_replies_go_to_the_service_itself(self, service, address):
        told = service.post(COMMANDS, WANTED | {"reply_to": address}).json()
        assert told["reply_to"] == address

    @pytest.mark.parametrize("address", ["processes", "shop2", "other/shop", "Shop", "/shop"])
    def test_replies_go_to_nobody_else(self, service, address):
        User.objects.filter(pk=service.user.pk).update(is_superuser=True)
        refused = service.post(COMMANDS, WANTED | {"reply_to": address})
        detail = problem_of(refused, 403, "OTHER_ADDRESS")["detail"]
        assert "yours are shop, and shop/" in detail
        assert not Command.objects.exists()

    def test_the_engines_own_address_is_not_to_be_had_by_name(self):
        service = Service("bus.send_command", username="processes")
        refused = service.post(COMMANDS, WANTED | {"reply_to": "processes"})
        problem_of(refused, 400, "INVALID_COMMAND_DATA")
        assert not Command.objects.exists()

    def test_a_number_is_whole_however_it_is_written(self, service):
        assert service.post(COMMANDS, WANTED | {"max_attempts": 7.0}).json()["max_attempts"] == 7

    @pytest.mark.parametrize("number", [0, 1001, 1.5, "3", True, 10**400])
    def test_attempts_are_a_small_whole_number(self, service, number):
        refused = service.post(COMMANDS, WANTED | {"max_attempts": number})
        (fault,) = problem_of(refused, 400, "INVALID_REQUEST")["errors"]
        assert fault["field"] == "/max_attempts"
        assert not Command.objects.exists()

    def test_a_name_that_cannot_be_printed_is_refused(self, service):
        refused = service.post(COMMANDS, WANTED | {"domain": "a\nb"})
        assert "domain" in problem_of(refused, 400, "INVALID_COMMAND_DATA")["detail"]

    def test_another_domain_is_refused(self):
        service = Service("bus.send_command", domain="elsewhere")
        problem_of(service.post(COMMANDS, WANTED), 403, "OTHER_DOMAIN")
        assert not Command.objects.exists()


class TestShown:
    def test_the_newest_come_first_without_their_payload(self, service):
        old, new = CommandFactory(), CommandFactory(parked=True)
        results = service.get(COMMANDS).json()["results"]
        assert [result["id"] for result in results] == [str(new.id), str(old.id)]
        assert "data" not in results[0]
        assert (results[0]["status"], results[0]["last_error_code"]) == (
            "IN_TROUBLESHOOTING_QUEUE",
            "BROKEN",
        )

    def test_they_are_chosen_by_the_words_of_the_console(self, service):
        parked, _ = CommandFactory(parked=True, domain="a"), CommandFactory(domain="a")
        query = {"status": "IN_TROUBLESHOOTING_QUEUE", "domain": "a"}
        (result,) = service.get(COMMANDS, query).json()["results"]
        assert result["id"] == str(parked.id)

    def test_one_is_shown_with_its_latest_events_in_order(self, service, monkeypatch):
        monkeypatch.setattr("processes.api.commands.MOST_EVENTS", 2)
        command = CommandFactory(data={"a": 1}, edited_data={"a": 2})
        for number in range(3):
            CommandEventFactory(command=command, delivery=number, details={"number": number})
        shown = service.get(f"{COMMANDS}/{command.id}").json()
        assert [event["delivery"] for event in shown["events"]] == [1, 2]
        assert (shown["data"], shown["edited_data"]) == ({"a": 1}, {"a": 2})

    def test_what_became_of_one_is_told(self, service, register_handler):
        register_handler("Test", permanent("BROKEN", "no way"))
        path = service.post(COMMANDS, WANTED)["Location"]
        run_until_idle()
        shown = service.get(path).json()
        assert shown["status"] == "IN_TROUBLESHOOTING_QUEUE"
        assert [event["type"] for event in shown["events"]] == ["SENT", "PARKED"]
        assert shown["events"][1]["details"]["error_code"] == "BROKEN"

    def test_other_domains_are_not_there(self, service):
        seen, hidden = CommandFactory(domain="a"), CommandFactory(domain="b")
        DomainLimit.objects.create(user=service.user, domain="a")
        (result,) = service.get(COMMANDS).json()["results"]
        assert result["id"] == str(seen.id)
        answers = [
            problem_of(service.get(f"{COMMANDS}/{pk}"), 404, "NOT_FOUND")
            for pk in (hidden.id, uuid.uuid4())
        ]
        assert answers[0]["detail"] == answers[1]["detail"]

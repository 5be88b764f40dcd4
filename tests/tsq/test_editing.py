"""Edit and retry: what it writes, what it refuses, and the pages that lead to it."""

import json
from functools import partial

import pytest

from processes.bus.errors import InvalidCommandData, NotFound, NotParked, ReasonRequired
from processes.bus.models import Command, CommandEvent, Reply
from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import COMMAND_TRAITS, CommandEventFactory, CommandFactory
from tests.support.behaviours import permanent, succeed
from tests.support.console import EVERYTHING, VIEW_ALL, Console, told
from tsq.editing import NotEditable, edit_and_retry
from tsq.operations import retry

pytestmark = pytest.mark.django_db

SENT = {"amount": 1, "to": "<b>ann</b>"}
EDITED = {"amount": 2, "to": "<b>ann</b>"}
mend = partial(edit_and_retry, operator="ann", reason="a typo")


@pytest.fixture(autouse=True)
def plain_http(settings) -> None:
    settings.SECURE_SSL_REDIRECT = False


@pytest.fixture
def received(register_handler) -> list[dict]:
    """What the handler of "Pay" was given so far; its data may be edited."""
    data: list[dict] = []

    def pay(message):
        data.append(message.data)

    register_handler("Pay", pay, editable=True)
    return data


@pytest.fixture
def entry(received) -> Command:
    return CommandFactory(parked=True, command_type="Pay", data=SENT, reply_to="test-sender")


def stored() -> list[list[dict]]:
    tables = (Command, CommandEvent, Reply, OperatorAction)
    return [list(table.objects.order_by("pk").values()) for table in tables]


class TestTheOperation:
    def test_the_handler_gets_the_edited_data_and_the_data_sent_is_kept(self, entry, received):
        command = mend(entry.id, data=EDITED)

        assert (command.status, command.attempts, command.parked_at) == ("PENDING", 0, None)
        run_until_idle()
        assert received == [EDITED]
        command.refresh_from_db()
        assert (command.status, command.data, command.edited_data) == ("COMPLETED", SENT, EDITED)

    def test_event_notice_and_audit_tell_who_changed_what(self, entry):
        mend(entry.id, data=EDITED, channel="admin", request_id="r-1", seen=1)

        event, reply = CommandEvent.objects.get(), Reply.objects.get()
        action = OperatorAction.objects.get()
        assert (event.type, event.actor) == ("OPERATOR_EDIT", "ann")
        assert (reply.command_id, reply.outcome, reply.data) == (entry.id, "REQUEUED", None)
        assert (action.action, action.operator, action.reason) == ("edit", "ann", "a typo")
        assert (action.channel, action.request_id, action.domain) == ("admin", "r-1", "test")
        assert (action.before["data"], action.after["data"]) == (SENT, EDITED)
        assert (action.before["status"], action.after["status"]) == (
            *("IN_TROUBLESHOOTING_QUEUE", "PENDING"),
        )

    def test_a_second_edit_starts_from_the_first(self, entry, register_handler):
        mend(entry.id, data=EDITED)
        Command.objects.filter(pk=entry.pk).update(
            status=entry.status, parked_at=entry.parked_at, attempts=1
        )
        mend(entry.id, data={"amount": 3})
        _, second = OperatorAction.objects.all()
        assert (second.before["data"], second.after["data"]) == (EDITED, {"amount": 3})
        assert Command.objects.get().data == SENT

    def test_the_process_goes_on(self, story, register_handler):
        story.on("B", permanent())
        register_handler("Edit", succeed(), editable=True)
        process = story.start()
        run_until_idle()
        parked = Command.objects.parked().get()
        Command.objects.filter(pk=parked.pk).update(command_type="Edit")
        mend(parked.id, data={"x": 1})
        run_until_idle()
        assert Process.objects.get(pk=process.pk).status == ProcessStatus.COMPLETED

    def test_it_is_off_unless_the_handler_allows_it(self, entry, register_handler):
        register_handler("Plain", succeed())
        plain = CommandFactory(parked=True, command_type="Plain")
        nobody = CommandFactory(parked=True, command_type="Nobody's")
        before = stored()
        for command in (plain, nobody):
            with pytest.raises(NotEditable, match="handler does not allow it"):
                mend(command.id, data=EDITED)
        assert stored() == before

    @pytest.mark.parametrize("data", [None, [], "x", {"a": float("nan")}, {"a": "\x00"}])
    def test_data_that_cannot_be_kept_is_refused(self, entry, data):
        before = stored()
        with pytest.raises(InvalidCommandData, match="The data cannot be kept"):
            mend(entry.id, data=data)
        assert stored() == before

    def test_a_reason_is_required(self, entry):
        with pytest.raises(ReasonRequired):
            mend(entry.id, data=EDITED, reason=" ")
        assert Command.objects.get().edited_data is None

    @pytest.mark.parametrize("status", sorted(set(COMMAND_TRAITS) - {"IN_TROUBLESHOOTING_QUEUE"}))
    def test_only_a_parked_command_is_edited(self, received, status):
        command = CommandFactory(**COMMAND_TRAITS[status], command_type="Pay")
        with pytest.raises(NotParked, match=f"it is {status}"):
            mend(command.id, data=EDITED)
        assert Command.objects.get().edited_data is None

    def test_one_parked_anew_since_is_refused_by_name(self, entry):
        before = stored()
        with pytest.raises(NotParked, match="parked anew since you looked"):
            mend(entry.id, data=EDITED, seen=0)
        assert stored() == before

    def test_a_late_comer_hears_who_was_first(self, entry):
        retry(entry.id, operator="bob")
        with pytest.raises(NotParked, match="retry by bob"):
            mend(entry.id, data=EDITED)

    def test_an_unknown_command_is_not_found(self, received):
        with pytest.raises(NotFound):
            mend("no-id", data=EDITED)


class TestThePages:
    PAGE = "tsq_tsqentry_edit"

    @pytest.fixture
    def console(self) -> Console:
        return Console(*EVERYTHING, "tsq.edit_tsqentry")

    def answers(self, entry: Command, data: object = EDITED, **more: object) -> dict:
        text = data if isinstance(data, str) else json.dumps(data)
        return {"data": text, "reason": "a typo", "seen": entry.deliveries} | more

    def test_from_the_entry_over_the_difference_to_the_retry(self, console, entry):
        before = stored()
        assert f"/admin/tsq/tsqentry/{entry.pk}/edit/" in console.text(
            "tsq_tsqentry_change", entry.pk
        )
        assert "&quot;amount&quot;: 1" in console.text(self.PAGE, entry.pk)
        asked = console.submit(self.PAGE, entry.pk, **self.answers(entry)).content.decode()
        assert '<span class="line-removed">−   &quot;amount&quot;: 1,' in asked
        assert '<span class="line-added">+   &quot;amount&quot;: 2,' in asked
        assert "<b>ann" not in asked
        assert stored() == before
        done = console.submit(self.PAGE, entry.pk, **self.answers(entry, confirmed="yes"))
        assert done.url == f"/admin/tsq/tsqentry/{entry.pk}/change/"
        assert Command.objects.get().edited_data == EDITED
        assert OperatorAction.objects.get().channel == "admin"

    def test_one_may_edit_again_before_confirming(self, console, entry):
        page = console.submit(self.PAGE, entry.pk, **self.answers(entry, again="yes"))
        assert "&quot;amount&quot;: 2" in page.content.decode()
        assert Command.objects.get().edited_data is None

    @pytest.mark.parametrize(
        ("field", "value", "error"),
        [
            ("data", '{"a" 1}', "Not valid JSON at line 1, column 6"),
            ("data", "[]", "This cannot be the data of a command: a JSON object is needed"),
            ("data", "", "This field is required"),
            ("data", json.dumps(SENT), "Nothing is changed."),
            ("reason", " ", "This field is required"),
            ("seen", "x", "Enter a whole number"),
            ("seen", "99999999999999999999", "less than or equal to"),
        ],
    )
    def test_what_is_wrong_is_told_in_the_form(self, console, entry, field, value, error):
        answers = self.answers(entry, confirmed="yes") | {field: value}
        response = console.submit(self.PAGE, entry.pk, **answers)
        assert response.status_code == 200
        assert error in str(response.context["form"].errors[field])
        assert Command.objects.get().edited_data is None

    def test_one_that_moved_on_tells_by_whom(self, console, entry):
        CommandEventFactory(command=entry, type="PARKED")
        retry(entry.id, operator="bob")
        response = console.submit(self.PAGE, entry.pk, **self.answers(entry, confirmed="yes"))
        (message,) = told(response)
        assert "Nothing was changed. The command is no longer in the TSQ" in message
        assert "retry by bob" in message

    def test_without_its_permission_there_is_no_page_and_no_button(self, entry):
        console = Console(*EVERYTHING)
        assert console.page(self.PAGE, entry.pk).status_code == 403
        response = console.submit(self.PAGE, entry.pk, **self.answers(entry, confirmed="yes"))
        assert response.status_code == 403
        assert "/edit/" not in console.text("tsq_tsqentry_change", entry.pk)
        assert Command.objects.get().edited_data is None

    def test_a_handler_that_does_not_allow_it_is_said_so(self, console, register_handler):
        register_handler("Plain", succeed())
        entry = CommandFactory(parked=True, command_type="Plain")
        assert "/edit/" not in console.text("tsq_tsqentry_change", entry.pk)
        response = console.submit(self.PAGE, entry.pk, **self.answers(entry, confirmed="yes"))
        assert told(response) == ["The handler of this command does not allow editing its data."]
        assert Command.objects.get().edited_data is None

    def test_viewing_is_needed_too(self, entry):
        console = Console("tsq.edit_tsqentry", *set(VIEW_ALL) - {"tsq.view_tsqentry"})
        assert console.page(self.PAGE, entry.pk).status_code == 403

"""List and show entries and their groups, and what canceling would undo."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from processes.bus.models import Command
from processes.models import Process
from processes.worker import run_until_idle
from tests.factories import CommandEventFactory, CommandFactory
from tests.support.behaviours import permanent
from tests.support.service import ENTRIES, GROUPS, Service, problem_of
from tests.support.three_steps import Story
from tests.tsq.api.conftest import VIEW, status_after_work
from tsq import care, operations
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db


def ids(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def parked(number: int, **more) -> list[str]:
    return [str(CommandFactory(parked=True, **more).pk) for _ in range(number)]


def queries_for(call) -> int:
    call()  # what is asked once and remembered
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


class TestList:
    def test_an_entry_with_its_process_and_its_claim(self, service, entry, process):
        care.claim(entry.pk, operator="ann")
        (shown,) = service.get(ENTRIES).json()["results"]
        assert (shown["id"], shown["status"]) == (str(entry.pk), "IN_TROUBLESHOOTING_QUEUE")
        assert (shown["last_error_code"], shown["deliveries"]) == ("DISK_FULL", 1)
        assert shown["claim"]["operator"] == "ann"
        assert shown["process"] == {
            "id": str(process.id),
            "process_type": "ThreeSteps",
            "status": "WAITING_FOR_TSQ",
            "sequence": 3,
            "step": "C",
            "direction": "FORWARD",
        }
        assert "data" not in shown

    def test_one_without_process_and_claim(self, service):
        parked(1)
        (shown,) = service.get(ENTRIES).json()["results"]
        assert (shown["process"], shown["claim"]) == (None, None)

    def test_the_one_parked_first_comes_first_also_over_pages(self, service):
        first, *others = parked(6)
        same = Command.objects.get(pk=others[0]).parked_at
        Command.objects.filter(pk__in=others).update(parked_at=same)
        Command.objects.filter(pk=first).update(parked_at=same - timedelta(hours=1))
        CommandFactory(completed=True)

        found, before, url = [], [], f"{ENTRIES}?limit=2"
        while url:
            page = service.get(url)
            found += ids(page)
            last, url = page.json(), page.json()["next"]
        assert found == [first, *sorted(others)]
        while last["previous"]:
            page = service.get(last["previous"])
            before = ids(page) + before
            last = page.json()
        assert before == found[:4]

    @pytest.mark.parametrize("word", ["domain=other", "type=Pay", "error_code=X", "search=4711"])
    def test_the_words_choose(self, service, word):
        parked(2)
        (other,) = parked(
            1, domain="other", command_type="Pay", last_error_code="X", data={"order": "4711"}
        )
        assert ids(service.get(f"{ENTRIES}?{word}")) == [other]

    def test_me_is_the_one_who_asks(self, service):
        mine, others, _ = parked(3)
        care.claim(mine, operator="shop")
        care.claim(others, operator="ann")
        assert ids(service.get(f"{ENTRIES}?claimed_by=me")) == [mine]

    @pytest.mark.parametrize(
        "query", [{"x": "1"}, {"older_than": "soon"}, {"id": "1"}, {"cursor": "x"}, {"limit": "0"}]
    )
    def test_what_will_not_do_is_named(self, service, query):
        problem = problem_of(service.get(ENTRIES, query), 400, "INVALID_FILTER")
        assert [error["field"] for error in problem["errors"]] == list(query)

    def test_the_cursor_of_another_list_is_refused(self, service):
        parked(2)
        of_notes = "WzEsIGZhbHNlXQ"  # [1, false]
        problem_of(service.get(f"{ENTRIES}?cursor={of_notes}"), 400, "INVALID_FILTER")

    def test_many_cost_as_few_queries_as_one(self, service, story: Story):
        story.on("A", permanent())
        story.start_many(30)
        run_until_idle()
        for pk in TsqEntry.objects.values_list("pk", flat=True):
            care.claim(pk, operator="ann")
        one = queries_for(lambda: service.get(f"{ENTRIES}?limit=1"))
        assert len(ids(service.get(ENTRIES))) == 30
        assert queries_for(lambda: service.get(ENTRIES)) == one <= 6


class TestDetail:
    def test_all_that_is_known_of_it(self, service, path, entry):
        care.add_note(entry.pk, "asked the bank", operator="ann")
        operations.retry(entry.pk, operator="bob", note="again")
        shown = service.get(path).json()
        assert shown["status"] == "PENDING"
        assert shown["data"] == entry.data
        assert shown["edited_data"] is None
        assert [event["type"] for event in shown["events"]] == ["SENT", "PARKED", "OPERATOR_RETRY"]
        assert shown["events"][1]["details"]["error_code"] == "DISK_FULL"
        assert [note["text"] for note in shown["notes"]] == ["asked the bank"]
        noted, action = shown["actions"]
        assert noted["action"] == "note"
        assert (action["action"], action["operator"], action["reason"]) == ("retry", "bob", "again")
        assert action["before"]["status"] == "IN_TROUBLESHOOTING_QUEUE"

    def test_a_command_that_never_was_in_the_tsq_is_no_entry(self, service):
        problem_of(service.get(f"{ENTRIES}/{CommandFactory(failed=True).pk}"), 404, "NOT_FOUND")

    def test_who_has_the_version_is_told_so(self, service, path):
        etag = service.get(path)["ETag"]
        again = service.get(path, if_none_match=etag)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)

    def test_each_change_makes_another_version(self, service, path, entry, process, story: Story):
        story.on("C", permanent("OTHER", "another error"))
        etags = []

        def look():
            shown = service.get(path)
            assert service.get(path)["ETag"] == shown["ETag"]
            etags.append(shown["ETag"])

        look()
        care.claim(entry.pk, operator="ann")
        look()
        care.claim(entry.pk, operator="bob", take_over=True)
        look()
        care.release(entry.pk, operator="bob")
        look()
        care.add_note(entry.pk, "x", operator="ann")
        look()
        CommandEventFactory(command=entry, type="LATE_OUTCOME")
        look()
        operations.retry(entry.pk, operator="ann")
        look()
        run_until_idle()
        look()
        operations.cancel(entry.pk, operator="ann", reason="x")
        look()
        assert status_after_work(process) == "COMPENSATED"  # of its process, told in the detail
        look()
        assert len(set(etags)) == len(etags)


class TestGroups:
    def test_alike_errors_are_one_group(self, service):
        parked(3, fingerprint="a" * 32)
        parked(1, fingerprint="b" * 32, domain="other", last_error_code="X")
        told = service.get(GROUPS).json()
        assert told["is_cut"] is False
        assert {
            (g["fingerprint"], g["domain"], g["error_code"], g["count"], g["new"])
            for g in told["results"]
        } == {
            ("a" * 32, "test", "BROKEN", 3, 3),
            ("b" * 32, "other", "X", 1, 1),
        }

    def test_under_the_words_of_the_list(self, service):
        parked(2)
        parked(1, domain="other", fingerprint="b" * 32)
        (group,) = service.get(GROUPS, {"domain": "other"}).json()["results"]
        assert group["fingerprint"] == "b" * 32

    @pytest.mark.parametrize("word", ["limit", "cursor", "x"])
    def test_there_are_no_other_words(self, service, word):
        problem_of(service.get(GROUPS, {word: "1"}), 400, "INVALID_FILTER")


class TestUndoPlan:
    def test_what_canceling_would_compensate_in_order(self, service, path):
        plan = service.get(f"{path}/undo-plan").json()
        assert plan["compensates"] is True
        assert [(s["step"], s["undone_by"], s["problem"]) for s in plan["steps"]] == [
            ("B", "UNDO_B", ""),
            ("A", "UNDO_A", ""),
        ]

    def test_of_a_process_this_code_does_not_know(self, service, path, process):
        Process.objects.filter(pk=process.pk).update(process_type="Elsewhere")
        plan = service.get(f"{path}/undo-plan").json()
        assert "Elsewhere" in plan["steps"][0]["problem"]

    def test_a_compensation_starts_no_other(self, service, path, entry, story: Story):
        story.on("UNDO_B", permanent())
        operations.cancel(entry.pk, operator="ann", reason="x")
        run_until_idle()
        undo = TsqEntry.objects.get()
        nothing = {"compensates": False, "steps": []}
        assert service.get(f"{ENTRIES}/{undo.pk}/undo-plan").json() == nothing
        assert service.get(f"{path}/undo-plan").json() == nothing  # resolved


class TestAccess:
    def test_without_permission_nothing_is_shown(self, path):
        service = Service("bus.view_command")
        for place in (ENTRIES, GROUPS, path, f"{path}/undo-plan", f"{path}/notes"):
            problem_of(service.get(place), 403, "PERMISSION_DENIED")

    def test_other_domains_are_not_there(self, elsewhere, path):
        assert ids(elsewhere.get(ENTRIES)) == []
        assert elsewhere.get(GROUPS).json()["results"] == []
        for place in (path, f"{path}/undo-plan", f"{path}/notes"):
            problem_of(elsewhere.get(place), 404, "NOT_FOUND")
        problem_of(elsewhere.get(path, if_none_match="*"), 404, "NOT_FOUND")

    def test_the_own_domain_is(self, entry, path):
        service = Service(VIEW, domain=entry.domain)
        assert ids(service.get(ENTRIES)) == [str(entry.pk)]
        assert service.get(path).status_code == 200

    def test_an_unknown_id(self, service):
        problem_of(service.get(f"{ENTRIES}/{uuid.uuid4()}"), 404, "NOT_FOUND")
        problem_of(service.get(f"{ENTRIES}/x"), 404, "NOT_FOUND")

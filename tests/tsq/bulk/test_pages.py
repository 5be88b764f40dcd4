"""From the list over the confirmation page to the page of a running operation."""

from collections.abc import Callable

import pytest
from django.urls import reverse

from processes.models import OperatorAction
from tests.support.console import Console, told
from tests.tsq.bulk.conftest import next_chunk, park, queued, stored
from tsq import operations
from tsq.bulk import selectors
from tsq.models import BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

pytestmark = pytest.mark.django_db

XSS = "<script>alert(1)</script>"


def choose(console, verb, entries, address="", **more) -> BulkOperation:
    ids = [str(entry.pk) for entry in entries]
    data = {"action": verb, "index": "0", "_selected_action": ids} | more
    response = console.client.post(f"/admin/tsq/tsqentry/{address}", data)
    operation = BulkOperation.objects.get()
    assert response.url == reverse("admin:tsq_bulkoperation_confirm", args=[operation.pk])
    return operation


def confirm(console, operation, **answers):
    return console.submit("tsq_bulkoperation_confirm", operation.pk, **answers)


@pytest.fixture
def begin(console, entries) -> Callable[..., BulkOperation]:
    """``begin("cancel", rate=2)``: over all entries, confirmed on the page."""

    def begin(verb: str = "retry", **answers) -> BulkOperation:
        operation = choose(console, verb, entries)
        response = confirm(console, operation, **({"reason": "no use"} | answers))
        assert response.url == reverse("admin:tsq_bulkoperation_change", args=[operation.pk])
        return stored(operation)

    return begin


def test_the_confirmation_page_shows_what_was_chosen_and_changes_nothing(console, entries):
    park(2, domain="other", last_error_code="TIMEOUT")
    operation = choose(console, "cancel", entries[:1], select_across="1")
    text = console.text("tsq_bulkoperation_confirm", operation.pk)
    assert "Cancel 7 TSQ entries" in text
    assert selectors.groups_of(operation) == [
        group(entries[0].domain, "BROKEN", 5),
        group("other", "TIMEOUT", 2),
    ]
    assert "TIMEOUT" in text
    assert TsqEntry.objects.count() == 7
    assert queued() == 0
    assert not OperatorAction.objects.resolutions().exists()


def group(domain: str, code: str, number: int) -> dict:
    return {
        "command__domain": domain,
        "command__command_type": "Test",
        "command__last_error_code": code,
        "number": number,
    }


def test_everything_that_matches_the_filter_is_chosen(console, entries):
    others = park(2, domain="other")
    operation = choose(console, "retry", others[:1], "?domain=other", select_across="1")
    assert {item.command_id for item in operation.items.all()} == {e.pk for e in others}
    assert operation.filter == {"domain": "other"}
    assert operation.domains == ["other"]


def test_odd_headers_and_addresses_choose_all_the_same(console, entries):
    data = {"action": "retry", "index": "0", "select_across": "1"}
    data["_selected_action"] = [str(entries[0].pk)]
    headers = {"X-Request-ID": "x" * 5000}
    console.client.post("/admin/tsq/tsqentry/?o=%00", data, headers=headers)
    operation = BulkOperation.objects.get()
    assert (operation.size, operation.filter) == (5, {})
    assert len(operation.request_id) == 200


def test_what_arrives_after_the_page_opened_is_not_touched(console, entries):
    operation = choose(console, "cancel", entries[:1], select_across="1")
    (late,) = park(1)
    console.text("tsq_bulkoperation_confirm", operation.pk)
    confirm(console, operation, reason="no use")
    assert next_chunk(operation) == 5
    assert TsqEntry.objects.get().pk == late.pk


def test_confirming_starts_it_with_the_answers(begin):
    operation = begin("cancel", rate="2.5")
    assert (operation.status, operation.rate) == (BulkStatus.RUNNING, 2.5)
    assert operation.arguments == {"reason": "no use"}
    assert (operation.operator, operation.channel) == ("ann", "admin")
    assert queued() == 1


def test_a_result_is_taken_over(begin):
    operation = begin("complete", result_data='{"seat": 1}', note="by hand")
    assert operation.arguments == {"result_data": {"seat": 1}, "note": "by hand"}


@pytest.mark.parametrize(
    ("verb", "answers", "why"),
    [
        ("cancel", {"reason": " "}, "This field is required."),
        ("complete", {"result_data": "{"}, "Not valid JSON at line 1"),
        ("retry", {"rate": "0"}, "greater than or equal to 0.01"),
        ("retry", {"rate": "nan"}, "Enter a number."),
    ],
)
def test_what_is_not_right_is_told_and_starts_nothing(console, entries, verb, answers, why):
    operation = choose(console, verb, entries)
    assert why in confirm(console, operation, **answers).content.decode()
    assert stored(operation).status == BulkStatus.DRAFT
    assert queued() == 0


@pytest.mark.parametrize("typed", ["", "4", "many"])
def test_above_the_threshold_the_count_is_typed(console, entries, settings, typed):
    settings.COMMANDBUS_TYPED_COUNT_ABOVE = 4
    operation = choose(console, "retry", entries)
    again = confirm(console, operation, typed_count=typed)
    assert again.status_code == 200
    assert again.context["form"].errors.keys() == {"typed_count"}
    assert stored(operation).status == BulkStatus.DRAFT
    assert confirm(console, operation, typed_count="5").status_code == 302
    assert stored(operation).status == BulkStatus.RUNNING


def test_up_to_the_threshold_it_is_not_asked_for(console, entries, settings):
    settings.COMMANDBUS_TYPED_COUNT_ABOVE = 5
    operation = choose(console, "retry", entries)
    assert "typed_count" not in console.text("tsq_bulkoperation_confirm", operation.pk)


def test_confirming_twice_starts_it_once(console, begin):
    operation = begin()
    again = confirm(console, operation)
    assert again.url == reverse("admin:tsq_bulkoperation_change", args=[operation.pk])
    assert queued() == 1


def test_the_page_shows_each_outcome(console, begin, entries):
    operation = begin("cancel")
    operations.retry(entries[0].pk, operator="bob")
    assert "data-running" in console.text("tsq_bulkoperation_change", operation.pk)
    next_chunk(operation)
    text = console.text("tsq_bulkoperation_change", operation.pk)
    assert "<strong>5</strong> of 5 handled" in text
    assert "data-running" not in text
    assert "it is PENDING (retry by bob" in text
    assert all(str(entry.pk) in text for entry in entries)
    skipped = console.text("tsq_bulkoperation_change", operation.pk, outcome="SKIPPED")
    assert str(entries[0].pk) in skipped
    assert str(entries[1].pk) not in skipped


@pytest.mark.parametrize("query", [{"outcome": "NONE"}, {"page": "x"}, {"page": "99"}])
def test_odd_addresses_show_something_sensible(console, begin, query):
    assert "of 5 handled" in console.text("tsq_bulkoperation_change", begin().pk, **query)


def test_the_buttons_steer_it(console, begin):
    operation = begin()
    assert offered(console, operation) == ["pause", "stop"]
    console.submit("tsq_bulkoperation_pause", operation.pk)
    assert stored(operation).status == BulkStatus.PAUSED
    assert offered(console, operation) == ["resume", "stop"]
    console.submit("tsq_bulkoperation_resume", operation.pk)
    assert stored(operation).status == BulkStatus.RUNNING
    console.submit("tsq_bulkoperation_stop", operation.pk)
    assert stored(operation).status == BulkStatus.STOPPED
    assert offered(console, operation) == []


def test_a_button_too_late_says_so(console, begin):
    operation = begin()
    next_chunk(operation)
    (message,) = told(console.submit("tsq_bulkoperation_stop", operation.pk))
    expected = "Nothing was changed. The operation is finished; 'stop' is no longer possible."
    assert message == expected


def offered(console, operation) -> list[str]:
    response = console.page("tsq_bulkoperation_change", operation.pk)
    return [word for word, _ in response.context["buttons"]]


def test_the_list_shows_what_was_confirmed(console, begin, entries):
    operation = begin()
    choose_more = {"action": "cancel", "index": "0"}
    ids = [str(entry.pk) for entry in entries[:2]]
    console.client.post("/admin/tsq/tsqentry/", choose_more | {"_selected_action": ids})
    assert BulkOperation.objects.count() == 2
    text = console.text("tsq_bulkoperation_changelist")
    assert "Retry 5 TSQ entries" in text
    assert "Cancel 2 TSQ entries" not in text
    filtered = console.text("tsq_bulkoperation_changelist", status="PAUSED")
    assert str(operation.pk) not in filtered


def test_what_people_wrote_is_escaped(console, entries):
    park(1, domain=XSS, command_type=XSS, last_error_code=XSS, last_error_message=XSS)
    operation = choose(console, "cancel", entries[:1], select_across="1")
    pages = [console.text("tsq_bulkoperation_confirm", operation.pk)]
    confirm(console, operation, reason=XSS)
    pages.append(console.text("tsq_bulkoperation_change", operation.pk))
    for text in pages:
        assert XSS not in text
        assert "&lt;script&gt;alert(1)" in text


def test_three_thousand_entries_need_few_queries(console, settings, django_assert_max_num_queries):
    park_quickly(3000)
    first = TsqEntry.objects.all()[:1]
    with django_assert_max_num_queries(25):
        operation = choose(console, "cancel", first, select_across="1")
    assert operation.size == 3000
    with django_assert_max_num_queries(20):
        console.text("tsq_bulkoperation_confirm", operation.pk)
    with django_assert_max_num_queries(25):
        assert confirm(console, operation, reason="x", typed_count="3000").status_code == 302
    with django_assert_max_num_queries(12):
        console.text("tsq_bulkoperation_change", operation.pk, page="30")
    with django_assert_max_num_queries(12):
        console.text("tsq_bulkoperation_changelist")


def park_quickly(number: int) -> None:
    (model,) = park(1)
    fields = {f.attname: getattr(model, f.attname) for f in model._meta.concrete_fields}
    del fields["id"]
    rows = [type(model)(**fields) for _ in range(number - 1)]
    type(model).objects.bulk_create(rows)


def test_an_operator_needs_to_see_bulk_operations(entries):
    console = Console("tsq.view_tsqentry", "tsq.retry_tsqentry")
    ids = [str(entry.pk) for entry in entries]
    data = {"action": "retry", "index": "0", "_selected_action": ids}
    response = console.client.post("/admin/tsq/tsqentry/", data)
    expected = "You may not use bulk operations; choose one entry at a time."
    assert told(response) == [expected]
    assert not BulkOperation.objects.exists()

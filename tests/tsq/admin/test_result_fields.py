"""Completing by hand: the fields the handler declares, or the whole result as JSON."""

import pytest

from processes.bus.models import Command
from tests.factories import CommandFactory
from tsq import operations

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry(db, register_handler) -> Command:
    register_handler("Render", lambda _: None, result_fields=("file", "pages"))
    return CommandFactory(parked=True, command_type="Render", reply_to="test-sender")


def complete(console, *entries, **answers):
    chosen = " ".join(f"{entry.pk}:{entry.deliveries}" for entry in entries)
    return console.submit("tsq_tsqentry_complete", chosen=chosen, **answers)


def result_of(entry):
    return entry.replies.get(outcome="SUCCESS").data


def test_it_asks_for_each_field_by_name(console, entry):
    response = console.page("tsq_tsqentry_ask_complete", entry.pk)
    labels = [field.label for field in response.context["form"].visible_fields()]
    assert labels == ["file", "pages", "Or the whole result as JSON", "Note"]


def test_a_handler_that_declares_none_is_asked_for_json(console):
    response = console.page("tsq_tsqentry_ask_complete", CommandFactory(parked=True).pk)
    labels = [field.label for field in response.context["form"].visible_fields()]
    assert labels == ["Result", "Note"]


def test_the_fields_make_the_result(console, entry):
    complete(console, entry, result_file=" 007.html ", result_pages='[1, {"é": null}]', note="x")
    assert result_of(entry) == {"file": "007.html", "pages": [1, {"é": None}]}


def test_json_takes_the_place_of_the_fields(console, entry):
    complete(console, entry, result_data='{"file": "b"}')
    assert result_of(entry) == {"file": "b"}


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({"result_file": "a"}, {"result_pages": "The process needs this to go on."}),
        (
            {"result_file": "a", "result_pages": "[1, 2"},
            {"result_pages": "Not valid JSON at line 1, column 6: expecting ',' delimiter."},
        ),
        (
            {"result_file": "a", "result_pages": "[NaN]"},
            {"result_pages": "This cannot be a result: Out of range"},
        ),
        (
            {"result_file": "a", "result_data": "{}"},
            {"result_data": "Fill in the fields or this, not both."},
        ),
    ],
    ids=lambda value: str(list(value)),
)
def test_what_will_not_do_is_told_at_its_field(console, entry, answers, errors):
    response = complete(console, entry, **answers)
    told = {field: text[0] for field, text in response.context["form"].errors.items()}
    assert list(told) == list(errors)
    assert all(told[field].startswith(start) for field, start in errors.items())
    assert not entry.replies.exists()


def test_entries_of_different_kinds_are_asked_for_json(console, entry):
    other = CommandFactory(parked=True)
    form = complete(console, entry, other, result_data="{").context["form"]
    assert "result_file" not in form.fields


def test_one_resolved_meanwhile_is_told_of_as_ever(console, entry):
    operations.retry(entry.pk, operator="bob")
    complete(console, entry, result_file="a", result_pages="2")
    assert not entry.replies.filter(outcome="SUCCESS").exists()


def test_the_worked_example_declares_what_its_next_steps_need(console):
    entry = CommandFactory(parked=True, domain="reporting", command_type="StatementRender")
    assert 'name="result_file"' in console.text("tsq_tsqentry_ask_complete", entry.pk)

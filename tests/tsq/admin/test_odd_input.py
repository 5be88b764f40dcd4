"""Whatever is sent, the answer is a page that says what is wrong."""

import uuid

import pytest

from processes.models import OperatorAction
from tests.support.console import told
from tests.support.ids import NOBODYS_ID
from tsq.forms import MOST_CHOSEN, MOST_RESULT_CHARACTERS
from tsq.models import TsqEntry

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '{"amount": 12,\n "ccy" "EUR"}',
            (
                """Not valid JSON at line 2, column 8: expecting ':' delimiter. """
                """It is here: {"amount": 12, "ccy" ▶ "EUR"}"""
            ),
        ),
        ('{"a": 1', "expecting ',' delimiter. It is here: {\"a\": 1 ▶ the end"),
        ("[1, 2]", "This cannot be a result: a JSON object is needed, not list."),
        ('"text"', "a JSON object is needed, not str"),
        ("0", "a JSON object is needed, not int"),
        ('{"a": NaN}', "This cannot be a result: Out of range float values"),
        ('{"a": 1e999}', "This cannot be a result: Out of range float values"),
        (r'{"a": "\u0000"}', "it contains the NUL character"),
        (r'{"a": "\ud800"}', "half of a surrogate pair"),
        ('{"a": ' + "9" * 5000 + "}", "This JSON cannot be read: Exceeds the limit"),
        ("[" * 100_000, "This JSON cannot be read"),
        ('{"a": "' + "x" * MOST_RESULT_CHARACTERS + '"}', "at most 1000000 characters"),
    ],
    ids=lambda value: value[:20],
)
def test_a_result_that_will_not_do_is_explained_in_the_form(console, entry, text, error):
    response = console.submit(
        "tsq_tsqentry_complete", chosen=f"{entry.pk}:{entry.deliveries}", result_data=text
    )
    assert response.status_code == 200
    (told_error,) = response.context["form"].errors["result_data"]
    assert error in told_error
    assert TsqEntry.objects.filter(pk=entry.pk).exists()


@pytest.mark.parametrize("note", ["x" * 10_001, "a\x00b"])
def test_a_note_that_cannot_be_kept_is_a_form_error(console, entry, note):
    pair = f"{entry.pk}:{entry.deliveries}"
    response = console.submit("tsq_tsqentry_retry", chosen=pair, note=note)
    assert "note" in response.context["form"].errors
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize(
    "chosen",
    [
        "",
        "nonsense",
        ":1",
        "17:1",
        NOBODYS_ID,
        f"{NOBODYS_ID}:",
        f"{NOBODYS_ID}:-1",
        f"{NOBODYS_ID}:²",
        f"{NOBODYS_ID}:{'9' * 5000}",
        "\x00:1",
        " ".join([f"{NOBODYS_ID}:1"] * (MOST_CHOSEN + 1)),
        "x" * 100_000,
    ],
    ids=lambda value: value[:10],
)
def test_a_selection_that_cannot_be_read_leads_back_to_the_list(console, entry, chosen):
    response = console.submit("tsq_tsqentry_retry", chosen=chosen)
    assert (response.status_code, response.url) == (302, "/admin/tsq/tsqentry/")
    assert told(response)
    assert not OperatorAction.objects.exists()


def test_an_unknown_entry_is_skipped(console):
    missing = uuid.uuid4()
    response = console.submit("tsq_tsqentry_retry", chosen=f"{missing}:1")
    assert told(response) == [f"1 skipped: There is no command {missing}."]


@pytest.mark.parametrize("part", ["change", "retry", "complete", "cancel"])
@pytest.mark.parametrize("pk", ["nonsense", NOBODYS_ID, "17", "%00"])
def test_an_id_that_is_none_is_not_found(console, pk, part):
    response = console.client.get(f"/admin/tsq/tsqentry/{pk}/{part}/", follow=True)
    assert response.status_code == 404


@pytest.mark.parametrize("pk", ["nonsense", "0", "9" * 30, "9" * 5000, "-1"])
def test_a_reply_id_that_is_none_is_not_found(console, pk):
    response = console.client.get(f"/admin/tsq/stuckreply/{pk}/give_up/", follow=True)
    assert response.status_code == 404


def test_a_stuck_reply_that_is_none_is_skipped(console):
    response = console.submit("tsq_stuckreply_handle_again", chosen=f"{'9' * 30}:1")
    assert told(response) == [f"1 skipped: There is no reply {'9' * 30}."]


@pytest.mark.parametrize("model", ["tsqentry", "stuckreply"])
@pytest.mark.parametrize("pk", ["nonsense", "\x00", ""])
def test_a_selected_id_that_is_none_is_not_found(console, model, pk):
    data = {"action": "retry", "index": "0", "_selected_action": pk}
    response = console.client.post(f"/admin/tsq/{model}/", data)
    assert response.status_code == 404


@pytest.mark.parametrize(
    "query", [{"p": "99999"}, {"p": "x"}, {"p": "-1"}, {"o": "99.x"}, {"all": ""}], ids=str
)
def test_odd_pages_and_orders_show_the_list(console, entry, query):
    assert str(entry.pk) in console.text("tsq_tsqentry_changelist", **query)


@pytest.mark.parametrize("page", ["changelist", "groups"])
@pytest.mark.parametrize(
    "word",
    ["data__a", "parked_at__year", "last_error_message__regex", "q", "older_than", "id", "<b>"],
)
def test_a_filter_that_will_not_do_is_told_by_name_and_shows_nothing(console, entry, page, word):
    response = console.page(f"tsq_tsqentry_{page}", **{word: "1"})
    assert response.status_code == 400
    assert told(response)[0].startswith(f"{word}: ")
    assert "DISK_FULL" not in response.content.decode()
    assert "<b>:" not in response.content.decode()


def test_all_that_matches_a_filter_that_will_not_do_is_nothing(console, entry):
    data = {"action": "retry", "index": "0", "select_across": "1", "_selected_action": entry.pk}
    response = console.client.post("/admin/tsq/tsqentry/?colour=red", data)
    assert "Nothing selected is still waiting; nothing was changed." in told(response)
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize("query", [{"search": "nonsense"}, {"domain": "elsewhere"}], ids=str)
def test_what_cannot_be_there_is_not_found(console, entry, query):
    assert "0 TSQ entries" in console.text("tsq_tsqentry_changelist", **query)

"""Claims and notes at the console, and why a button cannot be used."""

import pytest

from tests.factories import CommandFactory
from tests.support.console import EVERYTHING, Console, told
from tsq import care, operations
from tsq.models import EntryClaim, EntryNote

pytestmark = pytest.mark.django_db
CARER = (*EVERYTHING, "tsq.claim_tsqentry")


@pytest.fixture
def carer(db) -> Console:
    return Console(*CARER, username="cem")


def post(console, word, entry, **data):
    return console.submit(f"tsq_tsqentry_{word}", entry.pk, **data)


def claimant() -> str | None:
    return EntryClaim.objects.values_list("operator", flat=True).first()


def test_an_entry_is_claimed_and_released(carer, entry):
    assert told(post(carer, "claim", entry)) == ["You have claimed this entry."]
    assert claimant() == "cem"
    assert "cem" in carer.text("tsq_tsqentry_changelist")
    assert "<strong>cem</strong> (you)" in carer.text("tsq_tsqentry_change", entry.pk)
    assert told(post(carer, "release", entry)) == ["You have released this entry."]
    assert claimant() is None


def test_a_claim_of_another_is_told_and_taken_over_only_when_seen(carer, entry):
    care.claim(entry.pk, operator="bob")
    (refusal,) = told(post(carer, "claim", entry))
    assert refusal.startswith("Nothing was changed. The entry is claimed by bob since")
    assert claimant() == "bob"
    assert 'value="Take over"' in carer.text("tsq_tsqentry_change", entry.pk)
    post(carer, "claim", entry, take_over="1")
    assert claimant() == "cem"


def test_a_note_is_shown_with_its_author(carer, entry):
    post(carer, "note", entry, text="ask <b>the bank</b>")
    text = carer.text("tsq_tsqentry_change", entry.pk)
    assert "ask &lt;b&gt;the bank&lt;/b&gt;" in text
    assert EntryNote.objects.values_list("operator", "channel").get() == ("cem", "admin")


@pytest.mark.parametrize("text", ["", "  ", "a\x00b", "x" * 10_001], ids=lambda v: v[:5])
def test_a_note_that_will_not_do_is_told_at_its_field(carer, entry, text):
    response = post(carer, "note", entry, text=text)
    assert response.status_code == 200
    assert "text" in response.context["note_form"].errors
    assert not EntryNote.objects.exists()


@pytest.mark.parametrize("word", ["claim", "release", "note"])
def test_caring_needs_its_permission_a_post_and_an_entry_one_may_see(
    console, carer, entry, word, django_user_model
):
    assert post(console, word, entry, text="x").status_code == 403
    assert carer.page(f"tsq_tsqentry_{word}", entry.pk).status_code == 405
    assert post(carer, word, CommandFactory(), text="x").status_code == 404
    django_user_model.objects.get(username="cem").domain_limits.create(domain="elsewhere")
    assert post(carer, word, entry, text="x").status_code == 404
    assert claimant() is None
    assert not EntryNote.objects.exists()


def test_without_the_permission_claims_are_only_shown(console, entry):
    care.claim(entry.pk, operator="bob")
    text = console.text("tsq_tsqentry_change", entry.pk)
    assert "<strong>bob</strong>" in text
    assert "Take over" not in text
    assert "Add note" not in text


def test_a_button_that_cannot_be_used_says_why(entry):
    viewer = Console("tsq.view_tsqentry", "tsq.retry_tsqentry")
    offers = viewer.page("tsq_tsqentry_change", entry.pk).context["offers"]
    obstacles = {resolution.verb.value: obstacle for resolution, obstacle in offers}
    no_permission = "you do not have the permission"
    assert obstacles == {"retry": "", "complete": no_permission, "cancel": no_permission}
    operations.complete(entry.pk, operator="bob")
    text = viewer.text("tsq_tsqentry_change", entry.pk)
    assert 'aria-describedby="why-not-retry"' in text
    assert 'id="why-not-retry">Not possible: it is no longer in the TSQ.' in text
    assert f"/{entry.pk}/retry/" not in text


def test_the_page_shows_the_state_and_the_timeline_of_the_process(console, entry):
    text = console.text("tsq_tsqentry_change", entry.pk)
    assert '<pre class="json" id="state-json"' in text
    assert "<svg" in text


def test_claims_and_notes_are_not_among_the_resolutions(console, entry):
    care.claim(entry.pk, operator="bob")
    care.add_note(entry.pk, "ask the bank", operator="bob")
    operations.complete(entry.pk, operator="eve", note="done by phone")
    care.add_note(entry.pk, "it was right", operator="bob")
    response = console.page("tsq_tsqentry_change", entry.pk)
    assert [action.action for action in response.context["actions"]] == ["complete"]
    assert "complete by <strong>eve</strong>" in response.content.decode()
    process = console.page("processes_process_change", entry.correlation_id)
    assert [action.action for action in process.context["actions"]] == ["complete"]
    command = console.page("bus_command_change", entry.pk)
    assert [action.action for action in command.context["actions"]] == [
        *("claim", "note", "complete", "note")
    ]

"""Stuck replies at the console: listed, handled again, given up."""

import pytest

from processes.models import OperatorAction, Process
from processes.states import ProcessStatus
from processes.worker import run_until_idle
from tests.factories import ReplyFactory
from tests.support.console import told
from tests.support.three_steps import Story
from tsq import operations
from tsq.models import StuckReply

pytestmark = pytest.mark.django_db


@pytest.fixture
def stuck(story: Story, clock) -> StuckReply:
    """The reply to step A, which the manager could not take until just now."""

    def lose_the_map(*_: object) -> None:
        raise LookupError("the map is <b>lost</b>")

    take, story.manager.handle_reply = story.manager.handle_reply, lose_the_map
    story.start()
    for _ in range(5):
        run_until_idle()
        clock.advance(61)
    story.manager.handle_reply = take
    return StuckReply.objects.get()


def status_after_work() -> str:
    run_until_idle()
    return Process.objects.get().status


def test_it_is_listed_with_its_error_and_its_process(console, stuck):
    text = console.text("tsq_stuckreply_changelist")
    assert "LookupError: the map is &lt;b&gt;lost&lt;/b&gt;" in text
    assert f"/admin/processes/process/{stuck.correlation_id}/change/" in text


def test_its_page_shows_what_it_carries(console, stuck):
    text = console.text("tsq_stuckreply_change", stuck.pk)
    assert "&quot;did&quot;: &quot;A&quot;" in text
    assert "the map is &lt;b&gt;lost&lt;/b&gt;" in text


def test_handled_again_it_lets_the_process_go_on(console, stuck):
    assert "the map is" in console.text("tsq_stuckreply_ask_handle_again", stuck.pk)
    chosen = f"{stuck.pk}:{stuck.version}"
    response = console.submit("tsq_stuckreply_handle_again", chosen=chosen, note="mended")
    assert told(response) == ["1 to be handled again"]
    assert status_after_work() == ProcessStatus.COMPLETED
    action = OperatorAction.objects.get()
    assert (action.reply_id, action.channel, action.reason) == (stuck.pk, "admin", "mended")


def test_given_up_it_fails_the_process(console, stuck):
    assert "the map is" in console.text("tsq_stuckreply_ask_give_up", stuck.pk)
    chosen = f"{stuck.pk}:{stuck.version}"
    response = console.submit("tsq_stuckreply_give_up", chosen=chosen, reason="no use")
    assert told(response) == ["1 given up"]
    assert status_after_work() == ProcessStatus.FAILED


def test_giving_up_needs_a_reason(console, stuck):
    chosen = f"{stuck.pk}:{stuck.version}"
    response = console.submit("tsq_stuckreply_give_up", chosen=chosen, reason=" ")
    assert response.context["form"].errors == {"reason": ["This field is required."]}
    assert StuckReply.objects.filter(pk=stuck.pk).exists()


def test_one_no_longer_stuck_is_skipped_and_told(console, stuck):
    operations.handle_again(stuck.pk, operator="bob")
    chosen = f"{stuck.pk}:{stuck.version}"
    (message,) = told(console.submit("tsq_stuckreply_give_up", chosen=chosen, reason="x"))
    assert message.startswith("1 skipped: Only a stuck reply")
    assert "handle_again by bob" in message
    text = console.text("tsq_stuckreply_change", stuck.pk)
    assert "no longer stuck" in text
    assert "handle again by <strong>bob</strong>" in text
    assert "/give_up/" not in text


def test_a_reply_that_was_never_stuck_has_no_page(console):
    assert console.page("tsq_stuckreply_change", ReplyFactory(handled=True).pk).status_code == 404


def test_the_queries_of_the_list_do_not_grow_with_its_rows(
    console, stuck, django_assert_max_num_queries
):
    for _ in range(20):
        ReplyFactory(stuck=True)
    with django_assert_max_num_queries(11):
        assert "21 stuck replies" in console.text("tsq_stuckreply_changelist")


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ({"command__domain": "test"}, True),
        ({"command__domain": "elsewhere"}, False),
        ({"process_type": "ThreeSteps"}, True),
        ({"process_type": "Other"}, False),
        ({"q": "MAP is <b>"}, True),
        ({"q": "map%lost"}, False),
        ({"q": "\x00"}, True),
    ],
    ids=str,
)
def test_it_is_found_by_domain_process_type_and_error(console, stuck, query, is_found):
    other = ReplyFactory(stuck=True, command__domain="other")
    response = console.page("tsq_stuckreply_changelist", **query)
    shown = {row.pk for row in response.context["cl"].result_list}
    assert (stuck.pk in shown) is is_found
    assert (other.pk in shown) is (query == {"q": "\x00"})


def test_it_is_found_by_the_id_of_its_process(console, stuck):
    ReplyFactory(stuck=True)
    response = console.page("tsq_stuckreply_changelist", q=str(stuck.correlation_id))
    assert [row.pk for row in response.context["cl"].result_list] == [stuck.pk]


def test_a_filter_offers_only_what_one_may_see(console, stuck, django_user_model):
    ReplyFactory(stuck=True, command__domain="other")
    ann = django_user_model.objects.get(username="ann")
    ann.domain_limits.create(domain="other")
    text = console.text("tsq_stuckreply_changelist")
    assert "?command__domain=other" in text
    assert "?command__domain=test" not in text
    assert "ThreeSteps" not in text

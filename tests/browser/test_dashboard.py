"""The dashboard renews itself, and takes nothing out of the hands of who looks at it."""

import pytest

from tests.browser.elsewhere import expect
from tests.factories import CommandFactory
from tests.support.console import VIEW_ALL
from tests.support.sessions import wait_until

RENEWED_BY_MS = 5_100
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def page(visit):
    page = visit("ann", *VIEW_ALL)
    page.clock.install()
    page.goto("/admin/")
    return page


@pytest.fixture
def answers(page) -> list[str]:
    """Fills with the address of each dashboard that came after the page."""
    seen: list[str] = []
    page.on("requestfinished", lambda request: seen.append(request.url))
    return seen


def wait_for(page, answers: list[str], number: int) -> None:
    wait_until(lambda: page.evaluate("true") and len(answers) == number)


def test_new_entries_are_seen_without_losing_focus_or_place(page):
    page.set_viewport_size({"width": 390, "height": 400})
    entries = page.locator('[data-key="entries"]')
    expect(entries).to_have_text("0")
    page.locator('[data-key="stuck"]').focus()
    page.evaluate("window.scrollTo(0, 300)")
    CommandFactory(parked=True)
    page.clock.fast_forward(RENEWED_BY_MS)
    expect(entries).to_have_text("1")
    expect(page.locator('[data-key="stuck"]')).to_be_focused()
    assert page.evaluate("window.scrollY") == 300


def test_what_is_being_selected_stays(page, answers):
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#dashboard .asof'))")
    CommandFactory(parked=True)
    page.clock.fast_forward(RENEWED_BY_MS)
    wait_for(page, answers, 1)
    assert "As of" in page.evaluate("getSelection().toString()")
    expect(page.locator('[data-key="entries"]')).to_have_text("0")
    page.evaluate("getSelection().removeAllRanges()")
    page.clock.fast_forward(RENEWED_BY_MS)
    expect(page.locator('[data-key="entries"]')).to_have_text("1")


def test_it_rests_while_nobody_looks(page, answers):
    page.evaluate(HIDE, True)
    page.clock.fast_forward(10 * RENEWED_BY_MS)
    assert page.evaluate("document.hidden")
    assert answers == []
    page.evaluate(HIDE, False)
    wait_for(page, answers, 1)

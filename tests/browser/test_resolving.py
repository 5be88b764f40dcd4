"""From the log-in to the resolution of an entry, by mouse and by keyboard."""

from django.contrib.auth.models import User

from processes.models import OperatorAction, Process
from processes.worker import run_until_idle
from tests.browser.elsewhere import Elsewhere, expect
from tests.support.console import VIEW_ALL


def open_entry(page: Elsewhere, entry) -> None:
    page.goto("/admin/tsq/tsqentry/")
    page.locator(f'a[href*="{entry.pk}"]').first.click()
    expect(page.get_by_role("heading", name=str(entry.pk))).to_be_visible()


def test_an_operator_logs_in_and_opens_an_entry_from_the_list(visit, park):
    (entry,) = park(1)
    User.objects.create_superuser("root", password="let me in")
    page = visit()

    page.goto("/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill("let me in")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="TSQ entries").first.click()
    page.locator(f'a[href*="{entry.pk}"]').first.click()

    expect(page.get_by_text("No space left").first).to_be_visible()


def test_an_entry_is_completed_with_a_result(visit, park):
    (entry,) = park(1)
    page = visit("ann")

    open_entry(page, entry)
    page.get_by_role("link", name="Complete").click()
    page.get_by_label("Result").fill('{"did": "by hand",}')
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_text("Not valid JSON at line 1")).to_be_visible()
    page.get_by_label("Result").fill('{"did": "by hand"}')
    page.get_by_role("button", name="Complete").click()

    expect(page.get_by_text("completed").first).to_be_visible()
    run_until_idle()
    process = Process.objects.get(pk=entry.correlation_id)
    assert process.status == "COMPLETED"
    assert process.state["results"]["C"] == {"did": "by hand"}


def test_an_entry_is_canceled_after_showing_what_is_undone_in_order(visit, park):
    (entry,) = park(1)
    page = visit("ann")

    open_entry(page, entry)
    page.get_by_role("link", name="Cancel").click()
    undone = page.locator("ol.plan li")
    expect(undone).to_have_text(["UNDO_B undoes B (step 2)", "UNDO_A undoes A (step 1)"])
    page.get_by_label("Reason").fill("The customer left")
    page.get_by_role("button", name="Cancel").click()

    expect(page.get_by_text("canceled").first).to_be_visible()
    run_until_idle()
    assert Process.objects.get(pk=entry.correlation_id).status == "COMPENSATED"


def test_an_entry_is_resolved_with_the_keyboard_alone(visit, park):
    (entry,) = park(1)
    page = visit("ann")

    page.goto("/admin/tsq/tsqentry/")
    tab_to(page, f'a[href*="{entry.pk}"]')
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{entry.pk}/change/**")
    tab_to(page, 'a[href*="/retry/"]')
    page.keyboard.press("Enter")
    page.wait_for_url("**/retry/**")
    tab_to(page, "[name=note]")
    page.keyboard.type("The disk is back")
    tab_to(page, "main [type=submit], #content [type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tsqentry/")

    (action,) = OperatorAction.objects.all()
    assert (action.action, action.operator, action.reason) == ("retry", "ann", "The disk is back")


def test_of_two_operators_at_once_one_wins_and_the_other_is_told_who(visit, park):
    (entry,) = park(1)
    ann, bob = visit("ann"), visit("bob")
    for page in (ann, bob):
        open_entry(page, entry)
        page.get_by_role("link", name="Retry").click()

    ann.get_by_role("button", name="Retry").click()
    expect(ann.locator(".messagelist .success")).to_be_visible()
    bob.get_by_role("button", name="Retry").click()

    told = bob.locator(".messagelist")
    expect(told).to_contain_text("ann")
    assert OperatorAction.objects.values_list("operator", flat=True).get() == "ann"


def test_a_viewer_sees_no_way_to_act_and_is_refused(visit, park):
    (entry,) = park(1)
    page = visit("vic", *VIEW_ALL)

    open_entry(page, entry)
    for verb in ("Retry", "Complete", "Cancel"):
        expect(page.locator("#content").get_by_role("link", name=verb)).to_have_count(0)
        asked = page.request.get(f"/admin/tsq/tsqentry/{entry.pk}/{verb.lower()}/")
        assert asked.status == 403
    page.goto("/admin/tsq/tsqentry/")
    expect(page.locator("select[name=action]")).to_have_count(0)

    assert not OperatorAction.objects.exists()


def tab_to(page: Elsewhere, selector: str, most: int = 80) -> None:
    """Press Tab until the first such element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} presses of Tab")

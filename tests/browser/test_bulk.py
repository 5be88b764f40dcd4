"""Many entries at once, while others arrive."""

from processes.models import OperatorAction
from tests.browser.elsewhere import expect
from tests.support.console import EVERYTHING
from tsq import bulk
from tsq.models import BulkOperation, TsqEntry
from tsq.models.bulk import BulkStatus

MORE_THAN_A_PAGE = 53


def test_everything_that_matches_is_canceled_and_what_arrives_meanwhile_is_left_alone(visit, park):
    park(MORE_THAN_A_PAGE)
    page = visit("ann", *EVERYTHING)

    page.goto("/admin/tsq/tsqentry/?error_code=DISK_FULL")
    page.locator("#action-toggle").check()
    page.locator(".question a", has_text=f"Select all {MORE_THAN_A_PAGE}").click()
    page.locator("select[name=action]").select_option("cancel")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    expect(page.get_by_role("heading", name=f"Cancel {MORE_THAN_A_PAGE}")).to_be_visible()
    newcomers = {entry.pk for entry in park(2)}
    page.get_by_label("Reason").fill("The customers left")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text(f"0 of {MORE_THAN_A_PAGE} handled").first).to_be_visible()
    run_to_the_end()

    expect(
        page.get_by_text(f"{MORE_THAN_A_PAGE} of {MORE_THAN_A_PAGE} handled").first
    ).to_be_visible()
    expect(page.get_by_role("link", name=f"Done: {MORE_THAN_A_PAGE}")).to_be_visible()
    assert set(TsqEntry.objects.values_list("pk", flat=True)) == newcomers
    assert OperatorAction.objects.filter(action="cancel", operator="ann").count() == (
        MORE_THAN_A_PAGE
    )


def run_to_the_end() -> None:
    """What the workers do with the one operation."""
    operation = BulkOperation.objects.get()
    while operation.status == BulkStatus.RUNNING:
        bulk.run_chunk(operation.pk, operation.available_at)
        operation = BulkOperation.objects.get()

"""The page of a running bulk operation: it renews itself, and stays usable meanwhile."""

from processes.audit import Operator
from processes.states import OperatorVerb
from tests.browser.elsewhere import expect
from tests.browser.test_every_page import troubles
from tests.support.console import EVERYTHING
from tsq import bulk
from tsq.bulk import running
from tsq.models import BulkOperation, TsqEntry


def test_it_shows_what_the_workers_do_without_losing_the_place(visit, park, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ITEMS", 20)
    park(60)
    everything = TsqEntry.objects.order_by("pk")
    draft = bulk.choose(OperatorVerb.CANCEL, everything, Operator("ann"), {})
    page = visit("ann", *EVERYTHING)
    page.goto(f"/admin/tsq/bulkoperation/{draft.pk}/confirm/")
    assert list(troubles(page)) == []
    operation = bulk.confirm(draft.pk, operator="ann", arguments={"reason": "The customers left"})

    page.goto(f"/admin/tsq/bulkoperation/{draft.pk}/change/")
    page.evaluate("window.scrollTo(0, 400)")
    bulk.run_chunk(operation.pk, operation.available_at)
    expect(page.get_by_text("20 of 60 handled").first).to_be_visible()
    assert page.evaluate("window.scrollY") == 400
    assert list(troubles(page)) == []

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert BulkOperation.objects.get().status == "PAUSED"
    page.goto("/admin/tsq/bulkoperation/")
    assert list(troubles(page)) == []

from tests.browser.test_every_page import troubles
from tests.tsq.bulk.conftest import park as park_plain, next_chunk, stored
from tsq.models import BulkOperation, TsqEntry
from tsq import operations, bulk
import tests.browser.test_every_page as t


def test_look(visit, park, settings):
    settings.COMMANDBUS_TYPED_COUNT_ABOVE = 3
    park(6)
    park_plain(60, domain="other", last_error_message="a long message " * 5)
    page = visit("ann")
    page.goto("/admin/tsq/tsqentry/")
    page.screenshot(path="/tmp/b_list.png", full_page=True)
    page.check("#action-toggle")
    page.screenshot(path="/tmp/b_list2.png", full_page=True)
    page.select_option("select[name=action]", "cancel")
    page.click(".question a")
    page.click("button[name=index]")
    page.wait_for_url("**/confirm/")
    found = list(troubles(page))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.screenshot(path=f"/tmp/b_confirm_{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 800})
    page.screenshot(path="/tmp/b_confirm_phone.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.fill("#id_reason", "Gone")
    page.click("input[type=submit].default")
    page.fill("#id_typed_count", "66")
    page.screenshot(path="/tmp/b_confirm_error.png", full_page=True)
    found += list(troubles(page))
    page.set_viewport_size({"width": 1280, "height": 900})
    page.click("input[type=submit].default")
    page.wait_for_url("**/change/")
    op = BulkOperation.objects.get()
    first = op.items.first()
    operations.retry(first.command_id, operator="bob")
    BulkOperation.objects.update(rate=20)
    page.evaluate("window.scrollTo(0, 400)")
    assert next_chunk(op) == 20
    page.wait_for_selector("#bulk-progress strong:text-is('20')")
    assert page.evaluate("window.scrollY") == 400
    page.evaluate("window.scrollTo(0, 0)")
    found += list(troubles(page))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.screenshot(path=f"/tmp/b_op_{scheme}.png")
    page.set_viewport_size({"width": 390, "height": 800})
    page.screenshot(path="/tmp/b_op_phone.png")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.click("text=Pause")
    page.wait_for_selector("text=Resume")
    page.goto("/admin/tsq/bulkoperation/")
    found += list(troubles(page))
    page.set_viewport_size({"width": 1280, "height": 900})
    page.screenshot(path="/tmp/b_oplist.png", full_page=True)
    assert not found, "\n".join(found)

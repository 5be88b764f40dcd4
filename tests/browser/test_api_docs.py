"""The page of the API under the strict policy of the tests: a page of ours around Swagger UI."""

import pytest

from processes.api.views.about import whole_schema
from processes.bus.models import Command
from tests.browser.accessibility import grave_violations
from tests.browser.elsewhere import Elsewhere, expect

OF_SWAGGER_UI = ("color-contrast", "nested-interactive")
"""What is in its own colours and markup."""


def number_of_operations() -> int:
    return sum(len(methods) for methods in whole_schema()["paths"].values())


@pytest.fixture
def asked() -> list[str]:
    """Fills with the address of everything the page loads."""
    return []


@pytest.fixture
def page(visit, asked) -> Elsewhere:
    page = visit("ann", "bus.send_command")
    page.on("request", lambda request: asked.append(request.url))
    return page


def test_every_operation_is_shown_with_nothing_from_elsewhere(page, asked, site):
    page.goto("/api/docs/")

    expect(page.locator(".opblock")).to_have_count(number_of_operations())

    assert f"{site}/api/schema/" in asked
    assert [address for address in asked if not address.startswith(f"{site}/")] == []
    ours = [v for v in grave_violations(page) if v.split(": ")[1] not in OF_SWAGGER_UI]
    assert ours == []


def test_who_is_logged_in_at_the_console_may_try_it_out(page):
    page.goto("/api/docs/")
    page.locator("#operations-commands-send_command .opblock-summary-control").click()
    page.locator(".try-out__btn").click()
    page.get_by_placeholder("Idempotency-Key").fill("tried out")
    page.get_by_role("button", name="Execute", exact=True).click()

    expect(page.locator(".live-responses-table .response .response-col_status")).to_contain_text(
        "201"
    )

    assert Command.objects.get().command_type == "OrderReserve"

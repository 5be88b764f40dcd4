"""Finding entries: what is chosen is in the address, so that a view can be shared."""

from tests.browser.elsewhere import expect


def test_a_filter_is_in_the_address_and_shows_only_what_matches(visit, park, story):
    park(2)
    page = visit("ann")

    page.goto("/admin/tsq/tsqentry/")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.get_by_role("link", name="DISK_FULL").first.click()

    page.wait_for_url("**error_code=DISK_FULL**")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.goto(page.url.replace("DISK_FULL", "DISK_LOST"))
    expect(page.locator("#result_list tbody tr")).to_have_count(0)


def test_the_search_finds_an_entry_by_the_id_of_its_process(visit, park):
    wanted, _ = park(2)
    page = visit("ann")

    page.goto("/admin/tsq/tsqentry/")
    page.locator("#searchbar").fill(str(wanted.correlation_id))
    page.locator("#searchbar").press("Enter")

    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator(f'#result_list a[href*="{wanted.pk}"]').first).to_be_visible()

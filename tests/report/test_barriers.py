"""Nobody is kept from reading the page: axe-core finds nothing serious in it."""

from __future__ import annotations

import pytest

from ..catalogue import write_report

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_has_no_serious_barrier(browser, record, barriers, tmp_path, scheme, width):
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(write_report(record, tmp_path).as_uri())
    page.locator(".box").first.wait_for()
    page.get_by_role("button", name="Expand all").click()
    page.locator(".box").nth(1).click()
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.wait_for_timeout(100)
    assert barriers(page) == {}
    context.close()

"""Nobody is kept from reading the page: axe-core finds nothing serious in it."""

from __future__ import annotations

import pytest

from ..catalogue import write_report

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_part_of_the_page_has_a_serious_barrier(tab, record, barriers, tmp_path, scheme, width):
    path = write_report(record, tmp_path)
    page = tab(width, color_scheme=scheme)
    page.goto(path.as_uri())
    tabs = page.locator("nav.tabs a").all_text_contents()
    assert "Graph" in tabs
    found = {"": barriers(page)}
    for name in tabs:
        page.get_by_role("link", name=name, exact=True).click()
        if name == "Graph":
            page.get_by_role("button", name="Expand all").click()
            page.locator(".box").nth(1).click()
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        page.wait_for_timeout(100)  # until regions are known that scroll
        found[name] = barriers(page)
    assert {tab: barrier for tab, barrier in found.items() if barrier} == {}

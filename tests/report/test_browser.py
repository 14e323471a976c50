"""The page in a real browser."""

import pytest

from ..catalogue import write_report
from .conftest import address

pytestmark = pytest.mark.browser


@pytest.fixture
def open_page(tab, record, tmp_path):
    path = write_report(record, tmp_path)

    def open_(width=1280, at="", **options):
        page = tab(width, **options)
        page.goto(address(path, at) if at else path.as_uri())
        return page

    return open_


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_without_complaints_and_does_not_scroll_sideways(open_page, width, scheme):
    page = open_page(width, color_scheme=scheme)
    assert page.messages == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_dark_mode_is_dark(open_page):
    background = "getComputedStyle(document.body).backgroundColor"
    light, dark = (open_page(color_scheme=s).evaluate(background) for s in ("light", "dark"))
    assert light != dark


def modules(page):
    return page.eval_on_selector_all(
        "table.tree tbody tr:not([hidden]) code", "cells => cells.map(c => c.textContent)"
    )


def test_a_click_on_a_column_sorts_and_a_third_restores(open_page):
    page = open_page(at="cost")
    before = modules(page)
    button = page.get_by_role("button", name="MACs").first
    tree = page.locator("table.tree")
    button = tree.get_by_role("button", name="MACs")
    button.click()
    assert modules(page)[0] == "1"
    assert tree.locator("th[aria-sort=descending]").count() == 1
    button.click()
    button.click()
    assert modules(page) == before


def test_the_module_table_folds_and_finds(open_page):
    page = open_page(at="cost")
    page.get_by_label("levels shown").select_option("1")
    assert modules(page) == ["0", "1", "2", "3", "4"]
    page.get_by_label("find a module").fill("conv2d")
    assert modules(page) == ["0", "1.0"]


def test_sorting_keeps_the_tree_and_leaves_can_stand_alone(open_page):
    page = open_page(at="cost")
    tree = page.locator("table.tree")
    assert modules(page) == ["0", "1", "1.0", "1.1", "2", "3", "4"]
    button = tree.get_by_role("button", name="MACs")
    button.click()
    assert modules(page) == ["1", "1.0", "1.1", "0", "4", "2", "3"]
    button.click()
    assert tree.locator("th[aria-sort=ascending]").text_content() == "MACs"
    assert modules(page)[-3:] == ["1", "1.1", "1.0"]
    page.get_by_label("leaves only").check()
    assert modules(page) == ["1.1", "2", "3", "4", "0", "1.0"]
    page.get_by_label("find a module").fill("1.")
    assert modules(page) == ["1.1", "1.0"]
    assert page.get_by_label("levels shown").is_disabled()
    page.get_by_label("find a module").fill("")
    page.get_by_label("leaves only").uncheck()
    button.click()
    assert modules(page) == ["0", "1", "1.0", "1.1", "2", "3", "4"]


REGIONS = """() => [...document.querySelectorAll(".scroll")].filter(e => e.checkVisibility()).map(e => ({
    wide: e.scrollWidth > e.clientWidth + 1,
    named: e.getAttribute("role") === "region" && e.tabIndex === 0 && Boolean(e.title),
    label: e.getAttribute("aria-label"),
    cut: getComputedStyle(e).maskImage !== "none",
}))"""


def test_a_table_that_is_cut_says_so_while_it_is(open_page):
    page = open_page(390, at="cost")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.wait_for_function("document.querySelectorAll('.scroll[tabindex]').length > 1")
    regions = page.evaluate(REGIONS)
    labels = [region["label"] for region in regions if region["wide"]]
    assert {"By module", "By operator"} <= set(labels)
    assert len(set(labels)) == len(labels)
    assert [r for r in regions if not r["named"] == r["cut"] == r["wide"]] == []
    first = page.locator(".cut-right").first
    first.evaluate("e => e.scrollTo(1e6, 0)")
    page.locator(".cut-left:not(.cut-right)").first.wait_for()
    page.set_viewport_size({"width": 2000, "height": 900})
    page.locator(".scroll[tabindex]").first.wait_for(state="detached")
    assert not [region for region in page.evaluate(REGIONS) if region["named"] or region["cut"]]


def test_without_a_script_all_is_there(open_page):
    page = open_page(java_script_enabled=False)
    assert page.get_by_text("1 of 1 checks failed").is_visible()
    assert len(page.locator("table.tree tbody tr").all()) == 7


def test_an_injected_script_would_not_run(tab, record, tmp_path):
    path = write_report(record, tmp_path)
    path.write_text(
        path.read_text("utf-8").replace("</main>", "<script>document.title = 'run'</script></main>"), "utf-8"
    )
    page = tab()
    page.goto(path.as_uri())
    assert page.title() != "run"

"""The frame in a real browser: what broke first, all subjects, tabs that enter when they are opened, addresses."""

from __future__ import annotations

import copy
import re

import pytest

from ..catalogue import write_report

pytestmark = pytest.mark.browser

NODES = """() => {
    const walker = document.createTreeWalker(document, NodeFilter.SHOW_ALL);
    let nodes = 1;
    while (walker.nextNode()) nodes++;
    return nodes;
}"""


def subject(record, number, outcome, many=1):
    """A subject of its own name and tests, with as many checks."""
    entry = copy.deepcopy(record["subjects"][0])
    entry |= {"name": f"net[{number}]", "signature": f"s{number}", "nodeids": [f"t_{number}.py::t"]}
    own = {"subject": entry["name"], "signature": entry["signature"], "outcome": outcome}
    checks = [{**record["checks"][0], **own, "nodeid": f"t_{number}.py::t{i}"} for i in range(many)]
    return entry, checks


@pytest.fixture(scope="module")
def many(record):
    """`many(60, 10)`: subjects and checks of each, every seventh of them red; without the bulk of the sections."""

    def many(subjects, checks):
        light = {
            k: v for k, v in record["subjects"][0].items() if k not in ("heatmaps", "weights", "structure")
        }
        light = {**record, "subjects": [light]}
        made = [subject(light, i, "fail" if i % 7 == 3 else "pass", checks) for i in range(subjects)]
        every = [check for _, own in made for check in own]
        return {
            **record,
            "subjects": [entry for entry, _ in made],
            "checks": every,
            "panels": [],
            "failures": [],
        }

    return many


@pytest.fixture
def visit(tab, tmp_path):
    """A page of a record, at an address."""

    def visit(record, address="", width=1280, **options):
        page = tab(width, **options)
        page.goto(write_report(record, tmp_path).as_uri() + address)
        return page

    return visit


def test_the_first_screen_says_what_broke_and_what_to_do(visit, record):
    page = visit(record)
    cause = page.locator(".causes li").first
    assert re.sub(r"\s+", " ", cause.locator(".what").text_content()).startswith("net: heaviest 0")
    assert "MACs 1.2 kMACs" in cause.locator(".effects").text_content()
    assert cause.locator(".command code").text_content() == "pytest tests/test_it.py::test_it"
    assert cause.bounding_box()["y"] < 300
    assert page.messages == []


def test_a_command_is_copied(visit, record):
    page = visit(record)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="copy command").first.click()
    page.get_by_role("button", name="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "pytest tests/test_it.py::test_it"


@pytest.mark.parametrize(("subjects", "checks"), [(1, 600), (60, 10), (900, 1)])
def test_whatever_the_run_few_nodes_are_there_when_it_opens(visit, many, subjects, checks):
    page = visit(many(subjects, checks))
    assert page.messages == []
    assert page.evaluate(NODES) < 5000
    assert page.evaluate("document.documentElement.scrollHeight") < 7000


def test_subjects_are_listed_failures_first_and_found_by_name_and_outcome(visit, many):
    page = visit(many(150, 1))
    names = "nav.subjects li a"
    assert page.locator(names).first.text_content().split() == ["✗", "net[3]"]
    page.get_by_label("find a subject or a module").fill("net[14")
    assert page.get_by_text("11 of 150 subjects").is_visible()
    assert page.locator("table.overview tbody tr").count() == 11
    page.get_by_label("outcome").select_option("bad")
    assert page.locator(names).all_text_contents() == ["✗ net[143]"]
    page.get_by_label("find a subject or a module").fill("nothing like it")
    assert page.get_by_text("0 of 150 subjects").is_visible()


def test_the_list_grows_while_it_is_scrolled(visit, many):
    page = visit(many(300, 1))
    first = page.locator("nav.subjects li").count()
    assert first < 100
    page.locator("nav.subjects ul").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    page.locator("nav.subjects li").nth(first).wait_for(state="attached")


def test_what_is_open_is_marked_in_the_list_as_soon_as_it_is_there(visit, many):
    page = visit(many(100, 1), "#net-99")
    page.locator("nav.subjects ul").evaluate("list => list.scrollTo(0, list.scrollHeight)")
    page.locator("nav.subjects [aria-current]").wait_for(state="attached")
    assert page.locator("nav.subjects [aria-current]").text_content().split() == ["✓", "net[99]"]


def test_passed_is_what_passed_not_what_was_skipped_or_not_checked(visit, many):
    made = many(3, 1)
    for check, outcome in zip(made["checks"], ("pass", "skipped", "accepted"), strict=True):
        check["outcome"] = outcome
    page = visit(made)
    page.get_by_label("outcome").select_option("good")
    assert sorted(page.locator("nav.subjects li").all_text_contents()) == ["✓ net[0]", "✓ net[2]"]


def opened(page):
    return page.eval_on_selector_all(".opened .tab", "tabs => tabs.map(tab => tab.id)")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("#net", "net/checks"),
        ("#net/cost", "net/cost"),
        ("#net/no-such-tab", "net/checks"),
        ("#net/cost/1.0", "net/cost"),
        ("#no-such-subject", "net/checks"),
        ("#%", "net/checks"),
        ("#net/checks/macs", "net/checks"),
    ],
)
def test_an_address_opens_one_tab(visit, record, address, shown):
    page = visit(record, address)
    page.locator(".opened .tab").wait_for()
    assert opened(page) == [shown]
    assert page.messages == []


def test_an_address_of_a_check_opens_it_and_one_of_a_module_marks_its_row(visit, record):
    page = visit(record, "#net/checks/macs")
    assert page.locator(".sought").evaluate("check => [check.tagName, check.open]") == ["DETAILS", True]
    page.evaluate("location.hash = '#net/cost/1.0'")
    page.locator("tr.sought").wait_for()
    assert page.locator("tr.sought code").first.text_content() == "1.0"


def test_an_address_of_a_check_beyond_those_that_are_shown_brings_it(visit, many):
    page = visit(many(1, 300), "#net-0/checks/macs-290")
    page.locator("tr.sought").wait_for()
    assert page.locator("tr.sought").get_attribute("id") == "net-0/checks/macs-290"


def test_a_module_chosen_in_the_graph_stands_in_the_address(visit, record):
    page = visit(record, "#net/graph")
    page.locator(".box > .title", has_text="Linear").click()
    assert page.evaluate("location.hash") == "#net/graph/4"


def test_a_tab_is_as_it_was_left(visit, record):
    page = visit(record, "#net/cost")
    page.get_by_label("find a module").fill("conv2d")
    page.get_by_role("link", name="Weights").click()
    page.get_by_role("link", name="Cost").click()
    assert page.get_by_label("find a module").input_value() == "conv2d"
    page.go_back()
    assert opened(page) == ["net/weights"]


def test_the_focus_stays_on_the_tab_that_was_chosen(visit, record):
    page = visit(record, "#net/cost")
    page.get_by_role("link", name="Weights").focus()
    page.keyboard.press("Enter")
    page.locator(".tab[data-tab=weights]").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Weights"
    assert page.locator(".tabs a[aria-current]").all_text_contents() == ["Weights"]


def test_of_many_checks_the_first_are_shown_and_a_click_brings_more(visit, many):
    page = visit(many(1, 300))
    rows = page.locator("table.checks tbody tr")
    shown = rows.count()
    page.get_by_role("button", name="show 240 more").click()
    assert (shown, rows.count()) == (60, 260)


@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_an_address_brings_a_check_that_is_not_shown_yet_and_opens_it(visit, many, outcome):
    entry, checks = subject(many(1, 1), 0, outcome, 300)
    page = visit({**many(1, 1), "subjects": [entry], "checks": checks}, "#net-0/checks/macs-290")
    sought = page.locator(".sought")
    assert sought.get_attribute("id") == "net-0/checks/macs-290"
    assert outcome == "pass" or sought.evaluate("check => check.open")


def test_sorted_are_all_checks(visit, many):
    page = visit(many(1, 300))
    page.locator("table.checks").get_by_role("button", name="Metric").click()
    assert page.locator("table.checks tbody tr").count() == 300
    assert not page.locator("button.more-rows").is_visible()


def test_a_list_of_many_modules_is_there_as_far_as_it_is_opened(visit, record):
    structure = record["subjects"][0]["structure"]
    inner = structure["modules"][1]
    names = [("block", 1), *((f"block.{i}", 2) for i in range(900))]
    modules = [structure["modules"][0], *({**inner, "name": n, "depth": d} for n, d in names)]
    entry = {**record["subjects"][0], "structure": {**structure, "modules": modules, "graph": None}}
    page = visit({**record, "subjects": [entry], "checks": []}, "#net/graph")
    listed = page.locator(".modules li", has=page.locator("code", has_text="899"))
    assert page.evaluate(NODES) < 5000
    assert listed.count() == 0
    page.locator(".modules summary", has_text="block").click()
    page.locator(".modules li", has=page.locator("code", has_text="899")).last.wait_for()


def test_the_skip_link_leaves_open_what_is_open(visit, record):
    page = visit(record, "#net/cost")
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert opened(page) == ["net/cost"]


def test_what_failed_beside_checks_stands_with_its_crash(visit, record):
    other = {"nodeid": "tests/test_it.py::test_it", "phase": "teardown", "where": "tests/conftest.py:12"}
    other |= {"message": "OSError: <b>socket</b>", "text": "E   OSError"}
    page = visit({**record, "failures": [other]}, "#net")
    told = page.locator("details.check", has_text="teardown, tests/conftest.py:12: OSError: <b>socket</b>")
    assert told.is_visible()
    assert told.evaluate("details => details.open")


def test_a_name_of_thousands_of_letters_neither_scrolls_sideways_nor_fills_the_lists(visit, record):
    entry, check = record["subjects"][0], record["checks"][0]
    names = ["x" * 5000, "y" * 5000]
    told = [{"name": name, "status": "changed", "metrics": []} for name in names]
    facts = {"commit": "", "created": ""}
    changes = {"base": facts, "head": facts, "environment": [], "subjects": told, "notes": [], "gone": []}
    long = {
        **record,
        "subjects": [{**entry, "name": name, "signature": name[0]} for name in names],
        "checks": [{**check, "signature": "x", "subject": names[0]}],
        "changes": changes,
    }
    page = visit(long, width=320)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert len(page.locator("nav.subjects li").first.text_content()) < 200
    page.evaluate("location.hash = '#' + document.querySelector('.parts').dataset.slugs")
    page.locator(".opened h2").wait_for()
    assert names[0] in page.locator(".opened h2").text_content()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_subject_of_which_nothing_is_left_opens_too(visit, record, monkeypatch):
    monkeypatch.setattr("pytest_modelcheck.report.page.CEILING", 1)
    page = visit({**record, "checks": [], "failures": []}, "#net/cost/1.0")
    assert "Left out here for size" in page.locator(".opened .head").text_content()
    assert page.messages == []


def test_a_run_that_ends_at_collection_says_which_file_and_why(visit, record):
    lost = {"nodeid": "test_a.py", "phase": "collect", "where": "", "text": "E   ImportError: no module"}
    lost["message"] = "ImportError: no module"
    empty = {**record, "subjects": [], "checks": [], "panels": [], "failures": [lost]}
    empty["run"] = {**record["run"], "exit_status": 2, "tests": {}}
    page = visit(empty)
    assert "test_a.py" in page.locator(".causes .what").text_content()
    assert "ImportError: no module" in page.locator(".causes .effects").text_content()
    assert page.locator("pre", has_text="E   ImportError").is_visible()


def test_without_a_script_all_subjects_stand_below_each_other(visit, many):
    page = visit(many(3, 2), java_script_enabled=False)
    assert page.locator("section.subject").count() == 3
    assert page.locator("table.tree").count() == 3
    assert page.get_by_role("link", name="net[1]").first.is_visible()
    assert page.locator("section.subject h2").all_text_contents()[0].split()[-1] != ""
    ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_where_scripts_are_blocked_the_page_says_where_the_rest_is(tab, record, tmp_path):
    """A server's own policy, under which the browser still takes the parts for text."""
    path = write_report(record, tmp_path)
    policy = re.compile(r"script-src '[^']*'")
    path.write_text(policy.sub("script-src 'none'", path.read_text("utf-8"), count=1), "utf-8")
    page = tab()
    page.goto(path.as_uri())
    assert page.locator(".causes li").count() == 1
    assert page.get_by_text("The subjects' parts are in this file too").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_on_paper_it_is_short(visit, record, many, scripts):
    five = many(5, 12)
    for check in five["checks"]:
        check["outcome"] = "fail"
    page = visit(five, java_script_enabled=scripts)
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) <= 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_red_run_of_many_keeps_nobody_from_reading(visit, many, barriers, scheme, width):
    record = many(60, 2)
    named = [entry["name"] for entry in record["subjects"]]
    entries = [{"name": name, "status": "changed", "metrics": []} for name in named[:4]]
    entries += [{"name": name, "status": "unchanged", "metrics": []} for name in named[4:]]
    side = {"commit": "1e65b819412c", "created": ""}
    changes = {"base": side, "head": side, "environment": [], "subjects": entries, "notes": ["a note"]}
    lost = {"nodeid": "t_9.py", "phase": "collect", "where": "", "message": "ImportError: x", "text": "E x"}
    page = visit({**record, "changes": changes, "failures": [lost]}, width=width, color_scheme=scheme)
    page.wait_for_timeout(100)
    assert barriers(page) == {}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

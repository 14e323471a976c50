"""Whatever names, messages and notes hold, nothing of it runs or loads: every string of a record, every click."""

from __future__ import annotations

import copy
import itertools

import pytest

from pytest_modelcheck.report.parts import TABS

from ..catalogue import write_report

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>ran()</script>",
    "</noscript><script>ran()</script>",
    "</NOSCRIPT ><img src=x onerror=ran()>",
    '<noscript><p title="</noscript><img src=x onerror=ran()>">',
    "<!-- <script>ran()</script>",
    "--><script>ran()</script>",
    "<![CDATA[<script>ran()</script>]]>",
    "\"'><svg onload=ran()>",
    "' onmouseover='ran()",
    '" autofocus onfocus="ran()',
    "<img src=//example.org/x.png>",
    "<iframe srcdoc='<script>ran()</script>'>",
    "<style>@import '//example.org/x.css';</style>",
    "url(//example.org/x.png)",
    "javascript:ran()",
    "data:text/html,<script>ran()</script>",
    "//example.org/trace.json",
    "{{ 7*7 }}{% raw %}",
    "${ran()}`ran()`",
    "%3Cscript%3Eran()%3C/script%3E",
    "&lt;script&gt;ran()&lt;/script&gt;",
    "\\u003cscript\\u003eran()",
    "\u2028ran()\u2029",
    "\u202eright to left\u202c",
    "\x00\x1b[31m",
    "__proto__",
]
KEPT = {  # what is no text of the user's: words that the record's readers know, and data
    *(
        "outcome",
        "unit",
        "metric",
        "kind",
        "status",
        "level",
        "phase",
        "signature",
        "image",
        "input",
        "float32",
    ),
    *("statistic", "created", "marker", "sort", "picture", "bar", "expected", "actual", "difference"),
}
CLICKABLE = "a[href^='#'], button, summary, .box, input[type=checkbox], th button"


def spoiled(value, strings, key=""):
    """The same with every text replaced by the next of the strings."""
    if isinstance(value, dict):
        return {name: spoiled(part, strings, name) for name, part in value.items()}
    if isinstance(value, list):
        return [spoiled(part, strings, key) for part in value]
    return next(strings) if isinstance(value, str) and key not in KEPT and value else value


@pytest.mark.parametrize("start", [0, 9, 18])
def test_nothing_runs_and_nothing_is_asked_for(browser, record, tmp_path, start):
    strings = itertools.cycle(HOSTILE[start:] + HOSTILE[:start])
    made = copy.deepcopy(record)
    (entry,) = made["subjects"]
    for name in ("complexity", "structure", "weights", "memory", "heatmaps"):
        entry[name] = spoiled(entry[name], strings)
    made["checks"] = [{**spoiled(c, strings), "outcome": o} for c in made["checks"] for o in ("fail", "pass")]
    made["panels"] = [spoiled(panel, strings) for panel in made["panels"]]
    lost = {"nodeid": "x", "phase": "setup", "where": "x", "message": "x", "text": "x"}
    made["failures"] = [spoiled(lost, strings)]
    made["environment"] = {text: text for text in HOSTILE}
    entry["name"] = next(strings)
    for part in (*made["checks"], *made["panels"]):
        part["subject"] = entry["name"]
    path = write_report(made, tmp_path)
    policy = '<meta http-equiv="Content-Security-Policy"'  # without which escaping must do
    html = path.read_text("utf-8")
    assert [text for text in HOSTILE if "<" in text and text in html] == []
    path.write_text(html.replace(policy, "<meta", 1), "utf-8")

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, seen = context.new_page(), []
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("dialog", lambda dialog: seen.append(dialog.message) or dialog.dismiss())
    page.add_init_script("globalThis.times = 0; globalThis.ran = () => { times += 1; };")
    page.goto(path.as_uri())
    clicks = 0
    slugs = page.eval_on_selector_all("noscript.parts", "all => all.map(one => one.dataset.slugs)")
    for slug, tab in itertools.product(slugs, TABS):
        page.evaluate("address => { location.hash = address; }", f"{slug}/{tab}")
        page.wait_for_timeout(150)
        clicks += page.evaluate(
            """selector => {
                const all = [...document.querySelectorAll(selector)].slice(0, 300);
                for (const one of all) {
                    one.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
                    one.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
                }
                return all.length;
            }""",
            CLICKABLE,
        )
    assert clicks > 100
    assert page.evaluate("times") == 0
    assert [url for url in seen if url.split("#")[0] != path.as_uri() and not url.startswith("data:")] == []
    context.close()

"""Markdown that nothing in a name can break. Oracle: markdown-it, with tables, HTML and links recognised."""

import copy
import re

import pytest
from markdown_it import MarkdownIt
from torch import nn

from pytest_modelcheck.records.compare import regressions
from pytest_modelcheck.report.markdown import fit, table
from pytest_modelcheck.report.neutral import code, words

from ..base.conftest import make_record, stack
from ..catalogue import compare, comparison_markdown, record_markdown, render
from ..records.conftest import record, run
from ..records.test_causes import against, failure, missed, model

HOSTILE = {
    "html": "<img src=x onerror=alert(1)></code></details><script>alert(1)</script>",
    "link": "[click](https://evil.example) ![i](https://evil.example/x.png) https://evil.example www.evil.example",
    "mention": "@everyone #1 GH-1 :tada: a@evil.example",
    "table": "a | b\\| c `| d` ``| e",
    "backticks": "`` ` ``` ```` `@everyone`",
    "newline": "first\n\n# second\r\n| a | b |\n- @everyone",
    "emphasis": "**bold** _it_ ~~s~~ $x^2$ ===",
    "fence": "~~~\n```\n# out",
    "empty": "",
    "spaces": "  ",
}


ALLOWED = {
    f"<{slash}{tag}"
    for slash in ("", "/")
    for tag in (
        "h2",
        "h3",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "pre",
        "ul",
        "li",
        "details",
        "summary",
        "br",
    )
}


def hostile(record, name):
    record = copy.deepcopy(record)
    for subject in record["subjects"]:
        subject["name"] = name
        for key in ("complexity", "structure"):
            for number, module in enumerate(subject[key]["modules"]):
                module["name"] = f"{name} {number}" if module["name"] else ""
                module["type"] = name
    for check in record["checks"]:
        check |= {"subject": name, "message": name, "title": name, "value_text": name, "limit_text": name}
    record["run"]["no_result"] = [name]
    told = dict.fromkeys(("nodeid", "where", "message", "text"), name)
    record["failures"] = [{**told, "phase": "setup"}]
    record["environment"] |= {"torch": name, "commit": name}
    return record


def tokens(text):
    parser = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    for token in parser.parse(text):
        yield from [token, *(token.children or [])]


def outside_of_code(text):
    """What is rendered as text, apart from what stands in code: only there a mention has an effect."""
    html = MarkdownIt("gfm-like", {"html": True, "linkify": True}).render(text)
    return re.sub(r"<code.*?</code>", "", html, flags=re.S)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_names_are_inert(name):
    base = make_record(net=stack())
    head = hostile(make_record(max_macs=1, net=stack(nn.Conv2d(8, 8, 3))), name)
    changes = compare(hostile(base, name), head)
    changes["environment"] = [{"name": name, "base": name, "head": name}]
    risen = regressions(changes, {"macs": 0.0})
    text = comparison_markdown(changes, risen, risen, base, head)
    loose = {**head["checks"][0], "outcome": "not gated", "reason": f"new: the base has no subject {name!r}"}
    text += "\n" + record_markdown({**head, "checks": [*head["checks"], loose], "changes": changes})
    assert "Not gated:\n\n- " in text
    text = re.sub(r"\*\*(new|heatmap [a-z ]+|`[^`]+`|<code>[^<]*</code>)\*\*", r"\1", text)  # ours
    kinds = {token.type for token in tokens(text)}
    assert not kinds & {"link_open", "image", "strong_open", "em_open", "s_open", "hr"}
    shown = outside_of_code(text)
    assert set(re.findall(r"</?\w+", shown)) <= ALLOWED
    assert not re.search(r"[@#$~*]|evil|www|:\w+:|GH-", shown)


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_every_row_has_the_cells_of_its_table(name):
    parsed = list(tokens(table(("a", "b", "c"), [(code(name), words(name), "last")])))
    cells = [parsed[i + 1] for i, token in enumerate(parsed) if token.type == "td_open"]
    assert len(cells) == 3
    assert cells[2].content == "last"


def test_what_does_not_fit_is_left_out_whole_and_it_says_so():
    text = fit(["head", "x" * 5000, "tail"], 1000)
    assert text == "head\n\ntail\n\n_1 part left out for size; the report has them all._\n"


@pytest.mark.parametrize("limit", [2_000, 65_000, 1_000_000])
def test_it_stays_below_its_limit(limit):
    record = make_record(max_macs=1, net=stack())
    record["checks"] = [{**record["checks"][0], "message": "é" * 20_000}] * 500
    assert len(record_markdown(record, max_bytes=limit).encode()) < limit


def net(name, way=1):
    """An entry of that name, changed in its own way."""
    row = {
        "kind": "changed",
        "path": f"body.{way}",
        "what": "stride",
        "before": "2",
        "after": "1",
        "text": "",
    }
    row["cost"] = {"MACs": 331_776 * way, "parameters": 272}
    figure = {"metric": "flops", "title": "FLOPs", "unit": "FLOPs", "base": 1e6, "head": 2e6, "share": 1.0}
    return {"name": name, "status": "changed", "metrics": [figure] * 6, "structure": [row]}


def red(subjects, checks=6, long=1):
    """A red record of so many models, each changed in its own way, with so many checks that failed."""
    titles = [f"metric {i}" * long for i in range(checks)]
    names = [f"net[{n}]" for n in range(subjects)]
    failed = [
        missed(
            name, subjects - n, title=title, message=f"{name}: {title}\n" * 10, nodeid=f"t{n}.py::test_{i}"
        )
        for n, name in enumerate(names)
        for i, title in enumerate(titles)
    ]
    changes = against(*(net(name, n) for n, name in enumerate(names)))
    return record(*map(model, names), checks=failed, run=run(1), changes=changes)


@pytest.mark.parametrize("long", [1, 20], ids=["titles of 8 characters", "titles of 160"])
@pytest.mark.parametrize(
    ("limit", "room"), [(60_000, 65_536), (1_000_000, 1_048_576)], ids=["comment", "summary"]
)
def test_a_hundred_red_subjects_fit_and_the_gravest_stay(limit, room, long):
    text = record_markdown(red(100, long=long), max_bytes=limit)
    assert len(text.encode()) < limit < room
    assert text.startswith(
        "## ✗ Model check: 600 of 600 checks failed\n\n### What broke\n\n- **`net[0]`**: `body.0`"
    )
    assert "**`net[19]`**" in text
    assert "pytest t19.py::test_0" in text
    assert "80 more that broke" in text or "left out for size" in text
    assert "left out for size" in text or "in full</summary>" in text


def test_what_broke_comes_first_then_changes_then_what_is_folded():
    made = red(1)
    loose = missed("net[0]", outcome="not gated", reason="new: the base has no such figure", title="latency")
    warned = missed("net[0]", title="drop", level="warn", value=3, limit_text="max 2", unit="lines")
    text = record_markdown({**made, "checks": [*made["checks"], loose, warned]})
    parts = [
        "1 not gated, 1 warning",
        "- **`net[0]`**: `body.0` stride 2 → 1  \n  metric 0 1 MACs (max 5), metric 1",
        "in the report: `index.html#net-0/graph/body.0`",
        "```sh\n  pytest t0.py::test_0 ",
        "| subject | module | what | cost |\n| --- | --- | --- | --- |\n",
        "| `net[0]` | `body.0` | stride 2 → 1 | +272 parameters |",
        "| subject | metric | base | head | change |",
        "Warnings:\n\n- `net[0]` drop 3 lines (max 2)",
        "Not gated:\n\n- `net[0]` latency: new: the base has no such figure",
        "<details><summary>All 6 checks that failed</summary>",
        "<details><summary>2 other checks</summary>",
        "<details><summary><code>net&#91;0&#93;</code>: 7 checks in full</summary>",
        "<details><summary><code>net&#91;0&#93;</code>: changes in full</summary>",
    ]
    places = [text.find(part) for part in parts]
    assert places == sorted(places)
    assert -1 not in places, parts[places.index(-1)]


def test_how_far_a_figure_is_stands_as_on_the_page():
    facts = {"title": "agreement", "unit": "as a share of 1", "value": 0.67, "min": 0.3, "limit": 0.3}
    made = record(model("net"), checks=[{**missed(**facts), "outcome": "pass", "headroom": 1.23}])
    assert "| 37 points above the minimum |" in record_markdown(made)


def test_the_gravest_subject_is_the_first_in_the_tables_of_changes():
    made = red(3)
    made["checks"].reverse()
    for check in made["checks"]:
        check["headroom"] = -float(check["subject"] == "net[2]")
    text = record_markdown(made).partition("### Changes")[2]
    assert text.index("`net[2]`") < text.index("`net[0]`")


def test_a_subject_is_named_once_in_a_table():
    table_of_figures = record_markdown(red(1)).partition("| subject | metric |")[2]
    assert table_of_figures.partition("\n\n")[0].count("net[0]") == 1


def test_addresses_are_those_of_the_page():
    made = make_record(max_macs=1, **{"a b": stack(), "a-b": stack(nn.ReLU())})
    found = re.findall(r"`index\.html#([^/`]+)/", record_markdown(made))
    assert sorted(found) == ["a-b", "a-b-2"]
    page = render(made)
    assert all(f'id="{slug}"' in page for slug in found)


def test_a_run_that_ended_at_collection():
    crash = failure("t.py", "collect", "ModuleNotFoundError: No module named 'x'", "t.py:1")
    text = record_markdown(record(run=run(2), failures=[crash]))
    assert "- **`t.py`**: `cannot be collected: ModuleNotFoundError: No module named 'x'`" in text
    assert "```sh\n  pytest t.py\n  ```" in text


def test_a_green_run_has_no_causes():
    text = record_markdown(record(model("net"), checks=[missed(outcome="pass")]))
    assert "What broke" not in text
    assert "<details><summary>1 other check</summary>" in text


def test_notes_are_a_list():
    made = record(model("net"), changes={**against(), "notes": ["one thing", "a `b`: c"]})
    assert "Notes on the comparison:\n\n- one thing\n- <code>a &#96;b&#96;&#58; c</code>" in record_markdown(
        made
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("out_features 128 → 160", "out_features 128 → 160"),
        ("error: no weights", "error: no weights"),
        ("_a_ b", "`_a_ b`"),
        ("a_ b", "`a_ b`"),
        (":tada: x", "`:tada: x`"),
        ("a:tada: x", "`a:tada: x`"),
        ("http://x.y", "`http://x.y`"),
    ],
)
def test_words_keep_signs_that_mean_nothing_where_they_stand(text, shown):
    assert words(text) == shown

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
from ..catalogue import compare, comparison_markdown, record_markdown

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
    text = re.sub(r"\*\*(new|heatmap [a-z ]+)\*\*", r"\1", text)
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

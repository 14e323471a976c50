"""The dearest change comes first, wherever changes are told; repeated layers stand in one row."""

import copy
import html
import re

import pytest
from torch import nn

from ..catalogue import changes_lines, compare, record_markdown, render
from .conftest import make_record, stack


def net(eps=1e-5, wide=8, strides=()):
    """Norms of every kind before the convolution that costs something."""
    norms = [nn.BatchNorm2d(8, eps=eps * (i + 1)) for i in range(14)]
    return stack(*norms, nn.Conv2d(8, wide, 3, padding=1), nn.Conv2d(wide, 8, 1))


@pytest.fixture(scope="module")
def changed():
    head = make_record(net=net(1e-6, 64))
    head["changes"] = compare(make_record(net=net()), head)
    return head


def page(record):
    text = render(record)
    part = text[text.index('class="changed"') :]
    return html.unescape(re.sub(r"<[^>]+>", " ", part[: part.index("</section>")]))


@pytest.mark.parametrize("show", [lambda r: "\n".join(changes_lines(r)), record_markdown, page])
def test_the_dearest_change_comes_first(changed, show):
    text = show(changed)
    places = [text.index(words) for words in ("out_channels", "in_channels", "eps")]
    assert places == sorted(places)
    assert "+258" in text.replace("258,048", "+258")  # kMACs of 8·9·56 more at each of 64 pixels


def test_what_is_not_shown_is_counted_with_its_cost(changed):
    (more,) = [line for line in changes_lines(changed) if "more modules" in line]
    assert more.strip() == "and changes in 4 more modules"


def test_the_record_holds_what_each_module_costs_more(changed):
    (subject,) = changed["changes"]["subjects"]
    first, second = subject["structure"][:2]
    assert (first["path"], first["cost"]) == ("15", {"MACs": 8 * 9 * 56 * 64, "parameters": 56 * (8 * 9 + 1)})
    assert second["path"] == "16"  # the shape of 15's weight follows
    assert [row["module"] for row in subject["modules"]] == ["15", "16"]


@pytest.mark.parametrize("n", [3, 12])
def test_repeated_layers_are_one_row_with_the_sum(n):
    def deep(wide):
        pairs = [nn.Sequential(nn.Conv2d(8, wide, 1), nn.Conv2d(wide, 8, 1)) for _ in range(n)]
        return stack(nn.Sequential(*pairs))

    head = make_record(net=deep(16))
    head["changes"] = compare(make_record(net=deep(8)), head)
    lines = [line.strip() for line in changes_lines(head)]
    macs, params = n * 64 / 1000 * 64, n * (8 * 9)
    assert (
        f"1.{{0..{n - 1}}}.0: out_channels 8 -> 16 ({n} modules: +{macs:.4g} kMACs, +{params} parameters)"
        in lines
    )
    text = record_markdown(head)
    assert f"{2 * n} modules cost something else" in text
    assert f"{n} × (4.096 kMACs → 8.192 kMACs)" in text
    assert page(head).count(f"1.{{0..{n - 1}}}.0") == 2  # among the changes, and in the table of costs


def test_a_module_that_came_costs_what_is_in_it():
    head = make_record(net=stack(nn.BatchNorm2d(8, eps=1e-3), nn.Sequential(nn.Conv2d(8, 8, 1))))
    head["changes"] = compare(make_record(net=stack(nn.BatchNorm2d(8))), head)
    lines = [line.strip() for line in changes_lines(head)]
    first = lines.index("2: module added: Sequential (1 module) (+4.096 kMACs, +72 parameters)")
    assert lines[first + 1] == "1: eps 1e-05 -> 0.001"


@pytest.mark.parametrize("show", [lambda r: "\n".join(changes_lines(r)), record_markdown, page])
def test_figures_that_differ_look_different(show):
    head = make_record(net=stack(nn.Conv2d(8, 1000, 3), nn.BatchNorm2d(1000, affine=False)))
    base = make_record(net=stack(nn.Conv2d(8, 1000, 3, bias=False), nn.BatchNorm2d(1000, affine=False)))
    for record, more in ((base, 0), (head, 5)):
        record["subjects"][0]["complexity"]["params"] = 7_239_680 + more
    head["changes"] = compare(base, head)
    assert re.search(r"7,239,680 parameters\W+7,239,685 parameters", show(head))


def test_what_is_always_said_is_not_cut(changed):
    """Of many changed subjects the line about outputs, and whose it is, stay before all else."""
    head = copy.deepcopy(changed)
    (subject,) = head["changes"]["subjects"]
    told = {"text": "apart", "stands": "", "first": None, "same": False}
    head["changes"]["subjects"] = [{**subject, "name": name, "drift": told} for name in ("one", "two")]
    lines = [line.strip() for line in changes_lines(head, shown=4)][2:7]
    assert [line.partition(":")[0] for line in lines[:4]] == ["one", "outputs", "two", "outputs"]
    assert lines[4].endswith("more lines, in the report")

"""The panels of the checks: what they leave out where a page must be small, their headings, links, and pictures."""

import copy
import itertools
import json
import re

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.latency.strip import strip_plot
from pytest_modelcheck.checks.profiler.flame import flame_plot, kind_of
from pytest_modelcheck.checks.profiler.step import DEEPEST, MOST
from pytest_modelcheck.drawing.html import environment, link_to, once
from pytest_modelcheck.model.subject import build_subject
from pytest_modelcheck.records.plain import plain
from pytest_modelcheck.report import page as pages
from pytest_modelcheck.report.thinning import Thin

from ..catalogue import REGISTRY
from .conftest import build


def nest(deep: int) -> nn.Module:
    """A convolution in so many modules."""
    model: nn.Module = nn.Conv2d(3, 8, 3)
    for _ in range(deep):
        model = nn.Sequential(model, nn.ReLU())
    return model


@pytest.fixture(scope="module")
def rich():
    """A record with a panel of each kind that a small model has."""
    torch.manual_seed(0)  # of some weights no signal reaches the pixels
    model = nn.Sequential(nest(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)).eval()
    subject = build_subject(model, input_size=(1, 3, 16, 16), name="net")
    record = build(subject)
    check = ModelCheck(model, input_size=(1, 3, 16, 16), name="net")
    found = {
        "profile": [check.profile()],
        "memory": [check.peak_memory(), check.peak_memory(phase="training_step")],
        "projections": [check.guided_backprop(target=1), check.guided_backprop(target=2)],
        "autograd": [],
        "weight_changes": [],
    }
    entry = record["subjects"][0]
    for name, results in found.items():
        kept = [{**plain(result.to_dict()), "nodeid": "t.py::test"} for result in results]
        if kept and name in REGISTRY.sections:
            entry[name] = kept
    entry["heatmaps"] = entry["heatmaps"] * 3
    entry["profile"][0]["trace"] = "traces/net one.json.gz"
    entry["onnx"] = [onnx("models/net.onnx")]
    return json.loads(json.dumps(record))


def onnx(file: str) -> dict[str, object]:
    facts = {"name": "net", "opset": 20, "size_bytes": 10, "reason": "", "vacuous": False}
    rest = {"max_relative_error": 0.0, "operators": {"Conv": 1}, "outputs": [], "file": file, "nodeid": "t"}
    return {**facts, **rest}


def drawn(record, thin: int = 0) -> str:
    """The part of the record's only subject."""
    page = pages._Page(record, REGISTRY)
    part = page.drawing.html(page.subjects[0], Thin(thin))
    assert "could not be drawn" not in part
    return part


@pytest.mark.parametrize(
    ("thin", "there", "left_out"),
    [
        (0, {"svg.hist": True, "picture": 3, "flame": True, "viewer": True, "deep row": True}, 0),
        (1, {"svg.hist": False, "picture": 3, "flame": True, "viewer": True, "deep row": False}, 4),
        (2, {"svg.hist": False, "picture": 1, "flame": False, "viewer": True, "deep row": False}, 8),
        (3, {"svg.hist": False, "picture": 1, "flame": False, "viewer": False, "deep row": False}, 9),
    ],
)
def test_what_is_left_out_goes_in_order_of_worth_and_is_told(rich, thin, there, left_out):
    page = drawn(rich, thin)
    image = rich["subjects"][0]["heatmaps"][0]["image"]
    seen = {
        "svg.hist": 'class="hist"' in page,
        "picture": page.count(image),
        "flame": 'class="flame"' in page,
        "viewer": 'class="viewer-data"' in page,
        "deep row": 'data-depth="5"' in page,
    }
    assert seen == there
    assert page.count("left-out") == left_out


def test_an_input_is_shown_once_beside_all_its_heatmaps(rich):
    heatmap = rich["subjects"][0]["heatmaps"][0]
    panel = REGISTRY.sections["heatmaps"].panel.render([heatmap, heatmap], {"thin": 0})
    assert panel.count(heatmap["input"]) == 1
    assert panel.count(heatmap["image"]) == 2


def test_modules_have_an_address_each(rich):
    page = drawn(rich)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert any(one.endswith("/cost/0.0") for one in ids)
    assert any(one.endswith("/checks/macs") for one in ids)


def test_every_plot_says_what_it_shows_and_every_header_cell_what_it_heads(rich):
    page = re.sub(r"<script.*?</script>", "", drawn(rich), flags=re.S)
    for svg in re.findall(r"<svg[^>]*>", page):
        assert 'aria-hidden="true"' in svg or ('role="img"' in svg and 'aria-label="' in svg)
    assert not re.search(r"<th(?: [^>]*)?></th>", page)
    assert not re.search(r"<thead>(?:(?!</thead>).)*<th(?! scope=)[ >]", page, re.S)
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("models/Net.onnx", "models/Net.onnx"),
        ("traces/a b[é]#1?.json.gz", "traces/a%20b%5B%C3%A9%5D%231%3F.json.gz"),
        ("javascript:alert(1)", ""),
        ("java\tscript:alert(1)", ""),
        ("https://example.org/x", ""),
        ("//example.org/x", ""),
        ("/etc/passwd", ""),
        ("../x.onnx", ""),
        ("models/../../x.onnx", ""),
        ("models\\..\\x", ""),
        ("models//x", ""),
        ("./x", ""),
        ("a\ud800", ""),
        ("", ""),
        (7, ""),
    ],
)
def test_only_files_in_the_folder_become_links(path, link):
    assert link_to(path) == link
    page = environment().from_string('{% import "parts.html.j2" as p %}{{ p.file(x) }}').render(x=path)
    assert (f'href="{link}"' in page) == bool(link)


def test_files_are_one_click_away(rich):
    page = drawn(rich)
    assert '<a href="models/net.onnx" download>' in page
    assert '<a href="traces/net%20one.json.gz" download>' in page
    hostile = copy.deepcopy(rich)
    hostile["subjects"][0]["onnx"] = [onnx("javascript:alert(1)//.onnx")]
    assert "<code>javascript:alert(1)//.onnx</code>" in drawn(hostile)


def test_a_step_is_drawn_in_the_order_of_time():
    model = nn.Sequential(nest(10), *(nn.Linear(14, 14) for _ in range(200))).eval()
    step = ModelCheck(model, input_size=(1, 3, 16, 16)).profile().to_dict()["step"]
    bars = step["bars"]
    assert len(bars) == MOST
    assert step["left_out"] > 0
    assert max(bar["depth"] for bar in bars) < DEEPEST
    assert [bar["start"] for bar in bars] == sorted(bar["start"] for bar in bars)
    assert all(bar["start"] + bar["seconds"] <= step["seconds"] * 1.001 for bar in bars)
    plot = flame_plot(step)
    assert plot.count("<rect") == plot.count("<title>") + plot.count("<li>")
    assert "(the model itself): " in plot


def test_a_loop_has_its_first_step_drawn_with_its_backward():
    check = ModelCheck(nn.Linear(4, 4), input_size=(2, 4))
    with check.profile(steps=2) as step:
        while not step.done:
            check.subject.module(*check.subject.inputs.args).sum().backward()
            step()
    bars = step.result.to_dict()["step"]["bars"]
    assert sum(bar["name"] == "aten::linear" for bar in bars) == 1
    assert any("Backward" in bar["name"] for bar in bars)


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::conv2d", "c0"),
        ("aten::_scaled_dot_product_attention", "c0"),
        ("autograd::engine::evaluate_function: ConvolutionBackward0", "c0"),
        ("aten::layer_norm", "c1"),
        ("aten::relu_", "c2"),
        ("aten::max_pool2d", "c3"),
        ("aten::add", "c5"),
    ],
)
def test_kinds_of_operators_have_colours(operator, kind):
    assert kind_of(operator) == kind


def test_names_in_a_step_cannot_break_out():
    bar = {"kind": "operator", "name": "</title><script>x", "depth": 0, "start": 0.0, "seconds": 1.0}
    plot = flame_plot({"seconds": 1.0, "bars": [bar], "left_out": 0})
    assert "<script" not in plot
    assert "&lt;script" in plot


def test_shapes_are_told_by_operator(rich):
    rows = rich["subjects"][0]["profile"][0]["shapes"]
    assert [1, 3, 16, 16] in next(row["shapes"] for row in rows if "conv" in row["name"])
    assert "Time by operator and shapes" in drawn(rich)


def test_peak_memory_is_told_phase_by_phase(rich):
    (forward, step) = rich["subjects"][0]["memory"]
    again = {**forward, "nodeid": "t.py::other"}
    untested = {**forward, "nodeid": None}
    panel = REGISTRY.sections["memory"].panel.render([step, forward, again, untested], {"thin": 0})
    assert re.findall(r"<h4>(\w+)", panel) == ["forward", "training"]
    assert "t.py::test, t.py::other" in re.sub(r"\s+", " ", panel)


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (11.0, "<title>limit 11 s</title>"),
        (2000.0, ">limit 2000 s →<"),
        (0.001, ">← limit 0.001 s<"),
        (None, "samples"),
    ],
)
def test_a_limit_that_is_far_away_leaves_the_samples_their_room(limit, told):
    samples = [10 + i / 100 for i in range(100)]
    plot = strip_plot(samples, (10.2, 10.4), limit, lambda value: f"{value:g} s", "latency")
    assert told in plot
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', plot)]
    assert max(places) - min(places) > 640 / 3
    ticks = [float(x) for x in re.findall(r">([\d.]+) s</text>", plot)]
    assert len(ticks) > 2
    assert all(len(f"{tick:g}") <= 4 for tick in ticks)


def test_what_two_tests_saw_alike_is_told_once():
    entries = [
        {"a": 1, "nodeid": "x"},
        {"a": 2, "nodeid": "y"},
        {"a": 1, "nodeid": "z"},
        {"a": 2, "nodeid": None},
    ]
    assert once(entries) == [(entries[0], "x, z"), (entries[1], "y")]
    assert once([{"a": 1, "nodeid": name} for name in "uvwxy"])[0][1] == "u, v, w and 2 more"

"""Heatmaps, exports, peak memory and weights of two records."""

import base64
import copy

import numpy as np
import pytest
from torch import nn

from pytest_modelcheck.checks.explain.changes import heatmap_changes, heatmap_words
from pytest_modelcheck.checks.explain.compare import PRESETS
from pytest_modelcheck.checks.export.changes import export_words as onnx_words
from pytest_modelcheck.checks.structure.told import graph_words
from pytest_modelcheck.checks.weights.changes import weights_words

from ..catalogue import compare, compared_section
from .conftest import make_record, stack

MAP = np.arange(16, dtype=np.float32).reshape(1, 4, 4) ** 2


def heatmap(raw=MAP, **facts):
    values = base64.b64encode(np.ascontiguousarray(raw, "<f4").tobytes()).decode()
    entry = {"title": "Grad-CAM of class 3 at conv", "method": "Grad-CAM", "layer": "conv", "target": [3]}
    entry |= {"score": [1.5], "image": "QQ==", "input": "QQ==", "nodeid": None}
    return {**entry, "raw": {"shape": list(raw.shape), "float32": values}, **facts}


def changed(old, new, paths=()):
    (row,) = heatmap_changes([old], [new], dict(paths))
    return row


@pytest.mark.parametrize("factor", [1.0, 1.05, 1.2, 3.0])
def test_the_numbers_are_those_of_the_snapshot_rule(factor):
    row = changed(heatmap(), heatmap(MAP * np.float32(factor)))
    assert row["strength"] == pytest.approx(factor - 1, rel=1e-5, abs=1e-7)
    assert row["moved"] == (factor - 1 > PRESETS["default"][1])
    assert ("pictures" in row) == row["moved"]


def test_a_map_that_moved_says_by_how_much():
    other = MAP[:, ::-1]
    row = changed(heatmap(), heatmap(other))
    assert row["places"] == pytest.approx(1 - np.corrcoef(MAP.ravel(), other.ravel())[0, 1])
    became, why = heatmap_words(row)
    assert became == "heatmap moved"
    assert f"1 - Pearson {row['places']:.3g} (at most 0.001)" in why


def test_a_renamed_layer_is_the_same_layer():
    assert not changed(heatmap(), heatmap(layer="stem"), {"conv": "stem"})["moved"]
    assert changed(heatmap(), heatmap(layer="stem"))["reason"].startswith("layer conv expected")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"target": [4], "title": "Grad-CAM of class 4 at conv"}, "heatmap is of another class"),
        ({"raw": heatmap(MAP[:, :2])["raw"]}, "heatmap cannot be compared"),
        ({"raw": {"shape": [1, 4, 400], "float32": "AAAA"}}, "heatmap cannot be compared"),
        ({"raw": {"shape": [1, -4, -4], "float32": "AAAA"}}, "heatmap cannot be compared"),
    ],
)
def test_what_is_no_pair_says_so(facts, words):
    row = changed(heatmap(), heatmap() | facts)
    assert row["moved"]
    assert heatmap_words(row)[0] == words


def test_heatmaps_pair_by_test_method_and_order():
    old = [heatmap(nodeid="a"), heatmap(MAP * 2, nodeid="a"), heatmap(nodeid="b")]
    new = [heatmap(nodeid="a"), heatmap(MAP * 2, nodeid="a"), heatmap(nodeid="c")]
    rows = heatmap_changes(old, new, {})
    assert [(row["nodeid"], row["moved"]) for row in rows] == [("a", False), ("a", False)]


def export(**facts):
    entry = {"name": "net", "opset": 18, "dynamic": None, "size_bytes": 1024, "operators": {"Conv": 2}}
    return {**entry, "reason": "", **facts}


def test_an_export_that_differs_says_in_what():
    new = export(operators={"Conv": 3, "Relu": 1}, size_bytes=2048, opset=20)
    (row,) = compared_section("onnx", [export()], [new])["onnx"]
    assert list(onnx_words(row)) == ["Conv 2 -> 3", "Relu 0 -> 1", "file 1 KiB -> 2 KiB", "opset 18 -> 20"]
    assert compared_section("onnx", [export()], [export()])["onnx"] == []


def test_an_export_that_fails_now_says_why():
    failed = export(operators={}, size_bytes=0, opset=None, reason="no kernel")
    (row,) = compared_section("onnx", [export()], [failed])["onnx"]
    assert "not exportable: no kernel" in list(onnx_words(row))


def test_peak_memory_is_a_figure_of_every_subject(base):
    """In float32, by hand: the added convolution's parameters and its map of 64 channels are more."""
    changes = compare(base, make_record(net=stack(nn.Conv2d(8, 64, 3, padding=1)), gone=stack()))
    (net,) = [s for s in changes["subjects"] if s["name"] == "net"]
    (row,) = [r for r in net["metrics"] if r["metric"] == "peak_memory"]
    assert row["head"] - row["base"] == 4 * (64 * 8 * 9 + 64) + 4 * (64 - 8) * 64


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        ({"added": 2, "removed": 0, "changed": 0}, "adds 2 nodes to the graph"),
        (
            {"added": 1, "removed": 3, "changed": 1},
            "adds 1 node to the graph, removes 3 nodes from the graph, changes 1 node",
        ),
        ({"added": 0, "removed": 0, "changed": 4}, "changes 4 nodes of the graph"),
        ({}, ""),
    ],
)
def test_a_graph_in_words(graph, words):
    assert graph_words(graph) == words


def test_weights_that_are_all_others_are_called_so():
    assert weights_words({"changed": 3, "of": 12}) == "3 of 12 tensors hold other values"
    assert "trained anew" in weights_words({"changed": 12, "of": 12})


def test_an_inserted_layer_does_not_make_others_of_those_behind_it():
    """In a sequence the numbers slip: costs still belong to the layer that they belonged to."""
    first, last = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 4, 3, padding=1)
    old = make_record(net=nn.Sequential(first, nn.ReLU(), last))
    new = make_record(net=nn.Sequential(first, nn.ReLU(), nn.Conv2d(8, 8, 5), nn.ReLU(), last))
    (subject,) = compare(old, new)["subjects"]
    assert [(row["module"], row["status"]) for row in subject["modules"] if row["status"] == "new"] == [
        ("2", "new")
    ]
    assert not [row for row in subject["modules"] if row["status"] == "removed"]


def test_a_heatmap_that_did_not_move_is_no_change(base):
    head = copy.deepcopy(base)
    assert all("raw" in h for s in head["subjects"] for h in s["heatmaps"])
    assert {s["status"] for s in compare(base, head)["subjects"]} == {"unchanged"}

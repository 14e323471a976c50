"""What differs between two records, section by section. Both are written by hand."""

import base64
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_modelcheck.checks.complexity.changes import module_changes
from pytest_modelcheck.checks.explain.changes import heatmap_changes, heatmap_words
from pytest_modelcheck.checks.export.changes import export_words
from pytest_modelcheck.checks.latency.changes import slowdown_words
from pytest_modelcheck.checks.structure.changes import StructurePair
from pytest_modelcheck.checks.structure.told import change_words
from pytest_modelcheck.checks.weights.changes import weights_words
from pytest_modelcheck.records import compare as comparing
from pytest_modelcheck.records.beside import put_beside
from pytest_modelcheck.records.section import Comparison, Section
from pytest_modelcheck.verdict.metric import Definition, Metric
from pytest_modelcheck.verdict.units import PARAMS

from ..catalogue import REGISTRY, compare, compared_section
from .conftest import check, record, subject

# Figures and subjects


def rows(old, new):
    (found,) = compare(record(subject(), checks=[old]), record(subject(), checks=[new]))["subjects"]
    return found["status"], {
        r["metric"]: (r["base"], r["head"], r["share"], r.get("note")) for r in found["metrics"]
    }


@pytest.mark.parametrize(
    ("metric", "base", "head", "status", "row"),
    [
        ("macs", 4, 6, "changed", (4, 6, 0.5, None)),
        ("macs", 4, 4, "unchanged", (4, 4, 0, None)),
        ("macs", "nan", 4, "changed", (None, 4, None, None)),
        ("macs", 0, 4, "changed", (0, 4, None, None)),
        ("latency", 1.0, 2.0, "unchanged", (1, 2, 1, None)),  # a time of another run
        ("of_a_third_party", 4, 6, "changed", (4, 6, 0.5, None)),
    ],
)
def test_values_of_checks_are_figures(metric, base, head, status, row):
    assert rows(check(metric, base), check(metric, head)) == (status, {metric: row})


@pytest.mark.parametrize("metric", ["onnx_export", "heatmap", "latency_regression"])
def test_distances_and_comparisons_are_none(metric):
    assert REGISTRY.metrics[metric].nature in ("distance", "comparison")
    assert rows(check(metric, 1), check(metric, 2)) == ("unchanged", {})


def test_what_was_counted_by_another_rule_is_not_compared():
    status, found = rows(check("mine", 4), check("mine", 6, definition=2))
    assert (status, found["mine"]) == ("unchanged", (None, 6, None, "counted differently: not compared"))
    metric = Metric("mine", PARAMS, definition=Definition(2, "0.3"))
    assert comparing.other_definition(metric, 1, 2) == "counted differently since 0.3: not compared"
    assert comparing.other_definition(metric, 2, 2) == comparing.other_definition(None, 3, 3) == ""


def test_subjects_come_go_and_change_their_names():
    base = record(
        subject("old", "1"), subject("gone", "2", nodeids=["t.py::gone"]), checks=[check(signature="2")]
    )
    head = record(
        subject("now", "1"), subject("fresh", "3", nodeids=["t.py::new"]), checks=[check(signature="3")]
    )
    changes = compare(base, head)
    assert [(s["name"], s["status"], s.get("from")) for s in changes["subjects"]] == [
        ("now", "unchanged", "old"),
        ("fresh", "new", None),
        ("gone", "removed", None),
    ]
    sides = [[(r["base"], r["head"]) for r in s["metrics"]] for s in changes["subjects"]]
    assert sides == [[], [(None, 1)], [(1, None)]]


def test_the_two_runs():
    base = record(environment={"commit": "1", "torch": "2.8", "python": "3.11"}, created="a")
    head = record(environment={"commit": "2", "python": "3.11", "CPUs": "2"}, created="b")
    changes = compare(base, head)
    assert changes["base"] == {"commit": "1", "created": "a"}
    assert changes["head"] == {"commit": "2", "created": "b"}
    assert changes["environment"] == [
        {"name": "torch", "base": "2.8", "head": ""},
        {"name": "CPUs", "base": "", "head": "2"},
    ]
    assert compare(record(), record())["base"]["commit"] == ""


@pytest.mark.parametrize(
    ("base", "head", "limit", "above"),
    [
        (100, 102, 0.02, False),
        (100, 103, 0.02, True),
        (0, 1, 0.5, True),
        (None, 3, 0, False),
        (3, None, 0, False),
    ],
)
def test_rising_above_a_limit(base, head, limit, above):
    assert comparing.rises_above(base, head, limit) is above


def test_limits_on_what_changed():
    row = {"metric": "flops", "unit": "FLOPs", "share": None}
    figures = [
        {**row, "title": "FLOPs", "base": 100, "head": 110},
        {**row, "title": "FLOPs (backward)", "base": 100, "head": 110},
        {**row, "title": "FLOPs (both)", "base": None, "head": 110},
        {**row, "metric": "params", "title": "parameters", "base": 1, "head": 9},
    ]
    changes = {"subjects": [{"name": "net", "metrics": figures}]}
    limits = {"flops": 0.2, "FLOPs (backward)": 0.05}
    (risen,) = comparing.regressions(changes, limits)
    assert risen == {**figures[1], "subject": "net", "max_regression": 0.05}  # the stricter of two
    (open_,) = comparing.ungated(changes, limits)
    assert open_ == {**figures[2], "subject": "net", "max_regression": 0.2}


def catalogue(**sections):
    return SimpleNamespace(sections=sections, metrics={})


def boom(*args):
    raise ValueError("boom")


def sides(**facts):
    return record(subject(one=1, two=2, **facts)), record(subject(one=1, two=3, **facts))


def differs(old, new, paths, checks):
    return {"two": [old["two"], new["two"], *paths], "nothing": [], "checks": [c["metric"] for c in checks]}


def test_a_section_that_fails_costs_no_more_than_itself():
    found = catalogue(
        one=Section("one", changes=Comparison(("one",), boom)),
        two=Section("two", changes=Comparison((), differs)),
    )
    (changes,) = comparing.compare(*sides(), found)["subjects"]
    assert (changes["status"], changes["failed"], changes["two"]) == (
        "changed",
        {"one": "ValueError: boom"},
        [2, 3],
    )
    assert not {"one", "nothing", "checks"} & changes.keys()


def test_a_section_that_cannot_be_aligned_is_not_compared():
    found = catalogue(one=Section("one", align=boom, changes=Comparison((), differs)), two=Section("two"))
    (changes,) = comparing.compare(*sides(), found)["subjects"]
    assert changes["failed"] == {"one": "ValueError: boom"}
    assert "two" not in changes


def test_paths_of_one_section_and_checks_of_the_head_are_told_to_all():
    found = catalogue(
        one=Section("one", align=lambda old, new: {"a": "b"}),
        two=Section("two", changes=Comparison((), differs)),
    )
    base, head = sides()
    head["checks"] = [check(), check("flops", signature="other")]
    (changes,) = comparing.compare(base, head, found)["subjects"]
    assert (changes["two"], changes["checks"]) == ([2, 3, "a"], ["macs"])


@pytest.mark.parametrize(("minor", "status"), [(("two",), "unchanged"), ((), "changed")])
def test_a_section_says_what_makes_a_subject_a_changed_one(minor, status):
    differing = Comparison((), differs, is_change=lambda key, value: key not in minor)
    (changes,) = comparing.compare(*sides(), catalogue(two=Section("two", changes=differing)))["subjects"]
    assert (changes["status"], changes["two"]) == (status, [2, 3])
    assert "failed" not in changes
    assert "from" not in changes


def test_contents_of_other_definitions_are_not_compared():
    section = Section("two", definition=Definition(2, "0.3"), changes=Comparison((), differs))
    for versions, compared in (((2, 2), True), ((1, 2), False), ((2, 1), False), ((None, 2), False)):
        base, head = (
            record(subject(two=i, definitions={} if v is None else {"two": v}))
            for i, v in enumerate(versions)
        )
        (changes,) = comparing.compare(base, head, catalogue(two=section))["subjects"]
        assert ("two" in changes) is compared


@pytest.mark.parametrize(
    ("status", "old", "shown"),
    [
        ("changed", {"a": 1}, True),
        ("unchanged", {"a": 1}, False),
        ("changed", {"error": "x"}, False),
        ("changed", None, False),
    ],
)
def test_what_shows_both_sides(status, old, shown):
    comparison = Comparison((), differs, beside=lambda old, new, _: {"both": [old["name"], new["name"]]})
    base, head = (
        record(subject("was", "1", one=old)),
        record(subject("is", "1", one={"a": 2}), subject("new", "2", nodeids=[])),
    )
    changes = {"subjects": [{"name": "is", "status": status}, {"name": "new", "status": "changed"}]}
    put_beside(base, head, changes, catalogue(one=Section("one", changes=comparison), two=Section("two")))
    assert head["subjects"][0]["one"] == ({"a": 2, "both": ["was", "is"]} if shown else {"a": 2})


# Weights


def tensor(name, l2, shape=(2,), **facts):
    return {"name": name, "shape": list(shape), "mean": 0, "std": 1, "min": 0, "max": 1, "l2": l2, **facts}


def test_weights_that_moved_most_come_first():
    old = [
        tensor("a.w", 10),
        tensor("b.w", 10),
        tensor("c", 0),
        tensor("d.w", 4),
        tensor("e", 1, (3,)),
        tensor("x", 1),
    ]
    new = [
        tensor("a.w", 11),
        tensor("n.w", 2),
        tensor("c", 5),
        tensor("d.w", 4),
        tensor("e", 2),
        tensor("d.v", 9),
    ]
    found = compared_section("weights", {"tensors": old}, {"tensors": new}, {"b": "n"})["weights"]
    assert (found["changed"], found["of"]) == (3, 5)
    assert found["tensors"] == [
        {"tensor": "n.w", "base": 10, "head": 2},
        {"tensor": "a.w", "base": 10, "head": 11},
        {"tensor": "c", "base": 0, "head": 5},  # no share of nothing
    ]
    assert weights_words(found) == "3 of 5 tensors hold other values"


@pytest.mark.parametrize("figure", ["mean", "std", "min", "max"])
def test_any_figure_tells_of_other_values(figure):
    old, new = tensor("a", 1, **{figure: 0.5}), tensor("a", 1, **{figure: 0.25})
    assert compared_section("weights", {"tensors": [old]}, {"tensors": [new]})["weights"]["changed"] == 1
    assert compared_section("weights", {"tensors": [old]}, {"tensors": [old]})["weights"] == {}
    assert compared_section("weights", {"error": "x"}, {"tensors": [old]})["weights"] == {}


def test_at_most_twenty_tensors_are_named():
    old, new = ([tensor(f"t{i}", 1 + i * side) for i in range(25)] for side in (0, 1))
    found = compared_section("weights", {"tensors": old}, {"tensors": new})["weights"]
    assert (found["changed"], len(found["tensors"]), found["tensors"][0]["tensor"]) == (24, 20, "t24")
    assert weights_words({"changed": 1, "of": 1}).startswith("its tensor holds other values: trained anew")


def lines(section, **changes):
    found = REGISTRY.sections[section].changes.lines(changes, 5)
    return [(str(line), line.short, line.strong, line.worse) for line in found]


def test_weights_in_a_line():
    rows = [{"tensor": name, "base": 1, "head": 2} for name in ("a.w", "b.w")]
    words = "2 of 3 tensors hold other values"
    assert lines("weights", weights={"changed": 2, "of": 3, "tensors": rows}) == [
        (words, words, False, False)
    ]
    (line,) = REGISTRY.sections["weights"].changes.lines(
        {"weights": {"changed": 2, "of": 3, "tensors": rows}}, 5
    )
    assert line.names == ("a.w", "b.w")
    assert lines("weights") == lines("weights", weights={}) == []


# Slowdowns


@pytest.mark.parametrize(
    ("interval", "kept", "moved"),
    [
        ([0.01, 0.2], [0.01, 0.2], True),
        ([-0.2, -0.01], [-0.2, -0.01], True),
        ([-0.1, 0.1], [-0.1, 0.1], False),
        ([0, 0.2], [0, 0.2], False),
        ([-0.2, 0], [-0.2, 0], False),
        (["-inf", 0.2], [None, 0.2], False),
        ([0.1, "inf"], [0.1, None], True),
        (None, [None, None], False),
    ],
)
def test_a_slowdown_moved_where_its_interval_leaves_zero_out(interval, kept, moved):
    one = check(
        "latency_regression", 0.1, protocol="in turns", interval=interval, title="slowdown (backward)"
    )
    (row,) = REGISTRY.sections["latency"].changes.compare({}, {}, {}, [one])["slowdowns"]
    assert row == {"title": "slowdown (backward)", "value": 0.1, "interval": kept, "moved": moved}


@pytest.mark.parametrize("facts", [{"protocol": ""}, {"value": "nan"}, {"metric": "latency"}])
def test_other_checks_are_no_slowdowns(facts):
    one = {**check("latency_regression", 0.1, protocol="in turns", interval=[0, 1]), **facts}
    assert REGISTRY.sections["latency"].changes.compare({}, {}, {}, [one])["slowdowns"] == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "11 % slower (interval 9 % to 13 %)"),
        ({"value": -0.11, "interval": [-0.13, -0.09]}, "11 % faster (interval -13 % to -9 %)"),
        ({"title": "slowdown (backward, cuda)"}, "11 % slower (backward, cuda) (interval 9 % to 13 %)"),
        ({"interval": [0.09, None]}, "11 % slower (interval open)"),
        ({"interval": []}, "11 % slower (interval open)"),
        ({"value": 0}, "0 % slower (interval 9 % to 13 %)"),
    ],
)
def test_a_slowdown_in_words(facts, words):
    row = {"title": "slowdown", "value": 0.11, "interval": [0.09, 0.13], "moved": True, **facts}
    assert slowdown_words(row) == words


@pytest.mark.parametrize(
    ("value", "moved", "strong", "worse"),
    [(0.1, True, True, True), (-0.1, True, True, False), (0.1, False, False, False)],
)
def test_a_slowdown_is_worse_and_a_speedup_only_worth_a_look(value, moved, strong, worse):
    row = {"title": "slowdown", "value": value, "interval": [0, 1], "moved": moved}
    (line,) = REGISTRY.sections["latency"].changes.lines({"slowdowns": [row]}, 5)
    assert (line.strong, line.worse, line.short) == (strong, worse, line.text)


# Heatmaps

MAP = np.arange(16, dtype="<f4").reshape(1, 4, 4)
GOOD = base64.b64encode(MAP.tobytes()).decode()


def heatmap(shape=(1, 4, 4), data=GOOD, **facts):
    entry = {"title": "of class 3", "method": "Grad-CAM", "layer": "conv", "target": [3], "score": [1.5, 9]}
    entry |= {"image": "QQ==", "input": "", "nodeid": "t", "raw": {"shape": list(shape), "float32": data}}
    return {**entry, **facts}


@pytest.mark.parametrize(
    ("shape", "data", "words"),
    [
        ((1, 4), GOOD, "a map of shape [1, 4] in 64 bytes"),
        ((1, 1, 4, 4), GOOD, "a map of shape [1, 1, 4, 4] in 64 bytes"),
        ((0, 4, 4), "", "a map of shape [0, 4, 4] in 0 bytes"),
        ((-1, -4, 4), GOOD, "a map of shape [-1, -4, 4] in 64 bytes"),
        ((1, 4, 5), GOOD, "a map of shape [1, 4, 5] in 64 bytes"),
        ((1, 4, 3), GOOD, "a map of shape [1, 4, 3] in 64 bytes"),
        ((1, 4, 4), GOOD[:-3], ""),
        ((1, 4, 4), GOOD[:8] + "\n" + GOOD[8:], ""),
        ((1, 4, 4), "ü" + GOOD, ""),
    ],
)
@pytest.mark.parametrize("damaged_side", [0, 1])
def test_a_damaged_heatmap_cannot_be_compared(shape, data, words, damaged_side):
    pair = [heatmap(), heatmap()]
    pair[damaged_side] = heatmap(shape, data)
    (row,) = heatmap_changes(pair[:1], pair[1:], {})
    assert row["moved"]
    assert row["reason"].startswith(f"cannot be compared: {words}")
    assert heatmap_words(row) == ("heatmap cannot be compared", row["reason"])


def test_heatmaps_are_the_same_by_test_method_and_turn():
    old = [
        heatmap(title="1"),
        heatmap(title="2"),
        heatmap(title="3", method="CAM"),
        heatmap(title="4", nodeid="u"),
    ]
    old += [{**heatmap(title="5", nodeid="v"), "raw": None}]
    del old[-1]["raw"]
    new = [
        heatmap(title="a", method="CAM"),
        heatmap(title="b"),
        heatmap(title="c", nodeid="v"),
        heatmap(title="d"),
    ]
    found = [(row["from"], row["title"], row["moved"]) for row in heatmap_changes(old, new, {})]
    assert found == [("3", "a", False), ("1", "b", False), ("2", "d", False)]


def test_the_scores_of_both_sides():
    (row,) = heatmap_changes([heatmap(score=["nan"])], [heatmap()], {})
    assert (row["score"], row["nodeid"], row["limits"]) == ([None, 1.5], "t", [0.001, 0.1])
    assert heatmap_words(row) == (
        "heatmap did not move",
        "1 - Pearson 0 (at most 0.001), strength 0 (at most 0.1)",
    )
    assert "pictures" not in row
    assert heatmap_changes([heatmap(score=[])], [heatmap(score=[])], {})[0]["score"] == [None, None]
    (moved,) = heatmap_changes(
        [heatmap(image="old")], [heatmap(target=[4], title="of class 4", image="new")], {}
    )
    assert moved["pictures"] == ["old", "new"]
    assert heatmap_words(moved) == ("heatmap is of another class", "of class 3 -> of class 4")


@pytest.mark.parametrize("moved", [True, False])
def test_a_heatmap_in_a_line(moved):
    other = base64.b64encode(MAP[:, ::-1].tobytes()).decode()
    row = heatmap_changes([heatmap()], [heatmap(data=other if moved else GOOD)], {})
    became, why = heatmap_words(row[0])
    assert became == ("heatmap moved" if moved else "heatmap did not move")
    assert lines("heatmaps", heatmaps=row) == [(f"{became}: {why}", became, moved, moved)]


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        ("weights", ("weights",)),
        ("heatmaps", ("heatmaps",)),
        ("onnx", ("onnx",)),
        ("latency", ("slowdowns",)),
        ("complexity", ("modules", "operators")),
        ("structure", ("structure", "graph", "checkpoint")),
    ],
)
def test_each_section_has_keys_of_its_own_whose_shape_is_checked(section, keys):
    changes = REGISTRY.sections[section].changes
    assert changes.keys == keys
    assert changes.types.keys() == {*keys}


# What modules cost


def costs(**modules):
    rows = (
        {"name": name, "type": "Conv", "own_macs": macs, "own_params": params}
        for name, (macs, params) in modules.items()
    )
    return {"modules": list(rows)}


def test_modules_that_cost_something_else():
    old = costs(
        same=(5, 5),
        more=(5, 5),
        gone=(7, 0),
        idle=(0, 0),
        params=(1, 1),
        unknown=(1, None),
        broken=("nan", 3),
    )
    new = costs(
        fresh=(0, 3), same=(5, 5), more=(9, 5), params=(1, 4), unknown=(1, 8), still=(0, 0), broken=(0, 3)
    )
    found = module_changes(old, new, {})
    assert [(row["module"], row["status"], row["macs"], row["params"]) for row in found] == [
        ("fresh", "new", [0, 0], [0, 3]),
        ("more", "changed", [5, 9], [5, 5]),
        ("params", "changed", [1, 1], [1, 4]),
        ("gone", "removed", [7, 0], [0, 0]),
    ]
    assert {row["type"] for row in found} == {"Conv"}


def test_modules_are_the_same_by_their_paths():
    found = module_changes(costs(a=(5, 5), b=(3, 3)), costs(b=(5, 6), a=(4, 4)), {"a": "b"})
    assert [(row["module"], row["status"], row["macs"]) for row in found] == [
        ("b", "changed", [5, 5]),
        ("a", "new", [0, 4]),
        ("b", "removed", [3, 0]),
    ]


def test_costs_as_tables():
    changes = {
        "modules": module_changes(costs(a=(5, 2000)), costs(a=(5000, 2000)), {}),
        "operators": [{"operator": "aten::mm", "base": 1, "head": 2}],
    }
    modules, operators = REGISTRY.sections["complexity"].changes.tables(changes)
    assert [[cell.text for cell in row] for row in modules.rows] == [
        ["a", "Conv", "changed", "5 MACs → 5 kMACs", "2 k"]
    ]
    assert [[cell.text for cell in row] for row in operators.rows] == [["aten::mm", "1", "2"]]
    assert list(REGISTRY.sections["complexity"].changes.tables({})) == []


# Exports


def export(**facts):
    return {
        "name": "net",
        "opset": 18,
        "dynamic": None,
        "size_bytes": 2048,
        "operators": {"Conv": 2},
        **facts,
    }


def test_exports_are_the_same_by_their_options_and_turn():
    old = [export(dynamic="batch", size_bytes=1), export(), export(opset=17)]
    new = [export(opset=20), export(dynamic="batch", size_bytes=3), export(dynamic="all"), export(opset=17)]
    rows = compared_section("onnx", old, new)["onnx"]
    assert [{k: v for k, v in row.items() if k not in ("name", "operators")} for row in rows] == [
        {"opset": [18, 20]},
        {"size_bytes": [1, 3]},
    ]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"opset": [None, 18]}, ["opset – -> 18"]),
        ({"size_bytes": [0, 2048]}, ["file – -> 2 KiB"]),
        ({"reason": ["", "no kernel"]}, ["not exportable: no kernel"]),
        ({"reason": ["no kernel", ""]}, ["exportable again, the base was not: no kernel"]),
        ({"operators": [{"operator": "Conv", "base": 999, "head": 1000}]}, ["Conv 999 -> 1,000"]),
    ],
)
def test_an_export_in_words(facts, words):
    row = {"name": "net", "operators": [], **facts}
    assert list(export_words(row)) == words
    (line,) = REGISTRY.sections["onnx"].changes.lines({"onnx": [row]}, 5)
    assert str(line) == f"ONNX: {', '.join(words)}"


# Structures


def change(what, kind="changed", before="1", after="2", path="conv"):
    return {"path": path, "what": what, "kind": kind, "before": before, "after": after, "text": ""}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (change("stride"), "stride 1 -> 2"),
        (change("module", "added", None, "Conv2d(3, 8)"), "module added: Conv2d(3, 8)"),
        (change("call", "removed", None, None), "call removed"),
        (change("order", "changed", None, None), "order changed"),
        (change("module", "moved"), "module moved: 1 -> 2"),
    ],
)
def test_a_change_in_words(row, words):
    assert change_words(row) == words


@pytest.mark.parametrize(("n", "last"), [(2, "m1: stride 1 -> 3"), (5, "and changes in 3 more modules")])
def test_of_many_modules_the_first_are_told(n, last):
    rows = [change("stride", after=str(i + 2), path=f"m{i}" if i else "") for i in range(n)]
    lines = [str(line) for line in REGISTRY.sections["structure"].changes.lines({"structure": rows}, 2)]
    assert lines[:1] == ["(the model itself): stride 1 -> 2"]
    assert lines[-1] == last
    (table,) = REGISTRY.sections["structure"].changes.tables({"structure": rows[:1]})
    assert [cell.text for cell in table.rows[0]] == ["changed", "(the model itself)", "stride", "1", "2"]


def test_the_headline_is_the_graph():
    headline = REGISTRY.sections["structure"].changes.headline
    line = headline({"graph": {"added": 1}})
    assert (line.text, line.is_headline, line.link) == ("adds 1 node to the graph", True, "structure")
    assert headline({}) is None


def test_without_two_structures_there_is_nothing_to_tell(base):
    one = base["subjects"][0]["structure"]
    for old, new in (({}, {}), ({}, one), (one, {})):
        pair = StructurePair(old, new)
        assert (pair.paths, pair.rows, pair.graph) == ({}, [], {})
    same = StructurePair(one, one)
    assert (same.rows, same.graph) == ([], {})
    assert same.paths == {name: name for name in ("", "0", "1", "flat")}

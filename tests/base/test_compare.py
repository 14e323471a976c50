"""What changed between two records. Oracles: counts by hand."""

import pytest
from torch import nn

from pytest_modelcheck.base.records.compare import compare, regressions, ungated

from .conftest import make_record, stack

FIRST = 8 * 3 * 9 * 64  # MACs of the first convolution at 8x8
BLOCK = 8 * 8 * 9 * 64  # and of an added one, 8 to 8 channels


def of(changes, name="net"):
    return next(s for s in changes["subjects"] if s["name"] == name)


def test_nothing_changed(base):
    changes = compare(base, make_record(net=stack(nn.ReLU()), gone=stack()))
    assert [(s["name"], s["status"]) for s in changes["subjects"]] == [
        ("gone", "unchanged"),
        ("net", "unchanged"),
    ]
    assert not {"modules", "structure", "operators", "weights"} & of(changes).keys()


def test_an_added_block_is_named_with_its_cost(base):
    changes = compare(base, make_record(net=stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)), gone=stack()))
    net = of(changes)
    (macs,) = [row for row in net["metrics"] if row["metric"] == "macs"]
    assert (macs["base"], macs["head"], macs["title"]) == (FIRST, FIRST + BLOCK, "MACs")
    assert macs["share"] == pytest.approx(BLOCK / FIRST)
    assert net["modules"] == [
        {"module": "2", "type": "Conv2d", "status": "new", "macs": [0, BLOCK], "params": [0, 8 * 8 * 9 + 8]}
    ]
    assert [row["text"] for row in net["structure"]] == [
        "2: module added: Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    ]
    assert net["graph"] == {"base": 5, "head": 6, "added": 1, "removed": 0, "changed": 0}
    assert net["operators"] == [{"operator": "aten::conv2d", "base": 1, "head": 2}]


def test_a_stride_shows_in_cost_and_attributes(base):
    strided = stack(nn.ReLU())
    strided[0] = nn.Conv2d(3, 8, 3, padding=1, stride=2)
    net = of(compare(base, make_record(net=strided)))
    assert net["modules"][0]["macs"] == [FIRST, FIRST / 4]
    assert [row["text"] for row in net["structure"]] == [
        "0: stride changed: 1 -> 2",
        "(the model): output shape changed: 1×512 -> 1×128",
    ]
    assert (net["graph"]["added"], net["graph"]["changed"]) == (0, 1)


@pytest.mark.parametrize("nested", [False, True])
def test_a_renamed_module_is_renamed_and_costs_the_same(nested):
    def named(name):
        block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()) if nested else nn.Conv2d(3, 8, 3)
        model = nn.Sequential()
        model.add_module(name, block)
        return model

    net = of(compare(make_record(net=named("old")), make_record(net=named("new"))))
    kind = "Sequential" if nested else "Conv2d"
    assert [row["text"] for row in net["structure"]] == [f"new: module {kind} moved: old -> new"]
    assert "modules" not in net


def test_new_and_removed_subjects(base):
    changes = compare(base, make_record(net=stack(nn.ReLU()), fresh=stack()))
    assert {s["name"]: s["status"] for s in changes["subjects"]} == {
        "fresh": "new",
        "net": "unchanged",
        "gone": "removed",
    }
    rows = ungated(changes, {"macs": 0.0})
    assert [(row["subject"], row["base"], row["head"]) for row in rows] == [
        ("fresh", None, FIRST),
        ("gone", FIRST, None),
    ]
    assert regressions(changes, {"macs": 0.0}) == []


def test_other_weights_are_counted_and_the_most_moved_comes_first(base):
    head = make_record(net=stack(nn.ReLU()))
    for tensor in head["subjects"][0]["weights"]["tensors"]:
        if tensor["name"] == "0.bias":
            tensor["l2"] *= 2
    weights = of(compare(base, head))["weights"]
    assert (weights["changed"], weights["of"]) == (1, 2)
    assert [row["tensor"] for row in weights["tensors"]] == ["0.bias"]


@pytest.mark.parametrize(("limit", "risen"), [(BLOCK / FIRST * 0.99, True), (BLOCK / FIRST * 1.01, False)])
@pytest.mark.parametrize("key", ["flops", "FLOPs"])
def test_regressions_by_metric_and_title(base, limit, risen, key):
    changes = compare(base, make_record(net=stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)), gone=stack()))
    assert [row["subject"] for row in regressions(changes, {key: limit})] == (["net"] if risen else [])


def test_environments_that_differ_are_named(base):
    head = {**base, "environment": {**base["environment"], "torch": "9.9", "commit": "x"}}
    (row,) = compare(base, head)["environment"]
    assert (row["name"], row["head"]) == ("torch", "9.9")


def test_a_renamed_subject_is_known_by_its_test(base):
    head = make_record(net=stack(nn.ReLU(), nn.ReLU()), gone=stack())
    for subject in head["subjects"]:
        if subject["name"] == "net":
            subject["name"] = "other"
    changes = compare(base, head)
    other = of(changes, "other")
    assert (other["status"], other["from"]) == ("changed", "net")
    assert [s["name"] for s in changes["subjects"]] == ["gone", "other"]

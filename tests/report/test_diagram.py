"""The grid: chains straight, nothing on top of another; the diagram: what is folded, what is one box."""

import xml.etree.ElementTree as ElementTree

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.structure.diagram import Diagram
from pytest_modelcheck.checks.structure.grid import IN, OUT, lay_out
from pytest_modelcheck.checks.structure.picture import svg
from tests.structure.nets import Net


def edges(text):
    return [(int(u), int(v), "") for u, v in (pair.split(">") for pair in text.split())]


GRAPHS = {
    "chain": "-1>1 1>2 2>3 3>-2",
    "residual": "-1>1 1>2 2>3 -1>3 3>-2",
    "branches": "-1>1 -1>2 -1>3 -1>4 1>5 2>5 3>5 4>5 5>-2",
    "downsample": "-1>1 1>2 2>4 -1>3 3>4 4>-2",
    "dense": "-1>1 1>2 1>3 2>3 1>4 2>4 3>4 4>-2 -1>4",
    "two sources": "1>3 2>3 3>4",
}


@pytest.mark.parametrize("text", GRAPHS.values(), ids=GRAPHS.keys())
def test_no_two_boxes_share_a_cell_and_no_edge_runs_through_one(text):
    given = edges(text)
    children = sorted({n for u, v, _ in given for n in (u, v)} - {IN, OUT})
    grid = lay_out(children, given)
    assert len(set(grid.cells.values())) == len(grid.cells)
    assert len(grid.routes) == len(given)
    occupied = {cell: child for child, cell in grid.cells.items()}
    for route in grid.routes:
        top, bottom = grid.cells[route.source][0], grid.cells[route.target][0]
        assert top < bottom
        assert not [row for row in range(top + 1, bottom) if (row, route.rail) in occupied]


def test_the_longest_chain_is_straight():
    grid = lay_out([1, 2, 3], edges(GRAPHS["residual"]))
    assert {column for _, column in grid.cells.values()} == {0}
    assert [r.rail for r in grid.routes if (r.source, r.target) == (IN, 3)] == [1]


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(5)))

    def forward(self, x):
        return self.layers(x)


def test_alike_blocks_are_folded_and_leaves_are_one_box():
    boxes = Diagram(ModelCheck(Tower(), input_size=(1, 4)).structure().to_dict()).boxes
    (fold,) = [box for box in boxes if box.kind == "repeat"]
    assert (fold.title, fold.repeat, fold.params) == ("Sequential", 5, 100)
    assert [boxes[child].name for child in fold.children] == [f"layers.{i}" for i in range(5)]
    linear = next(box for box in boxes if box.name == "layers.0.0")
    assert (linear.title, linear.shape, linear.children) == ("Linear", "1×4", [])


def test_a_difference_is_in_the_boxes():
    from pytest_modelcheck.checks.structure.compare.diff import Comparison
    from pytest_modelcheck.checks.structure.compare.merge import merged

    base, head = (
        ModelCheck(Net(**k), input_size=(1, 3, 16, 16)).structure() for k in ({}, {"residual": False})
    )
    section = head.to_dict() | {"diff": merged(Comparison(base, head))}
    boxes = Diagram(section).boxes
    assert [b.title for b in boxes if b.status == "removed"] == ["add"]
    assert {b.name for b in boxes if b.status == "changed"} >= {"blocks", "blocks.1"}
    assert boxes[0].status == "changed"
    block = next(b for b in boxes if b.name == "blocks.1")
    (add,) = (child for child in block.children if boxes[child].title == "add")
    assert block.way_status(IN, add) == "removed"
    ways = {(u, v): block.way_status(u, v) for u, v, _ in block.edges if add not in (u, v)}
    assert sorted(ways.values()) == ["", "", "", "", "added"]  # past what is gone
    assert "− add" in svg(Diagram(section), 5)


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_the_still_picture_is_well_formed_and_inert(depth):
    class Evil(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("<script>&\x1b", nn.ReLU())
            self.inner = Net()

        def forward(self, x):
            return self.inner(next(self.children())(x))

    torch.manual_seed(0)
    structure = ModelCheck(Evil(), input_size=(1, 3, 16, 16)).structure()
    root = ElementTree.fromstring(structure.to_svg(depth=depth))
    texts = [e.text for e in root.iter() if e.tag.endswith("text")]
    assert "<script>&\\x1b" in texts
    assert ("blocks" in " ".join(texts)) == (depth > 0)
    assert structure.to_dot().count("->") == sum(len(dict.fromkeys(n.inputs)) for n in structure.graph.nodes)


def test_views_in_a_row_are_one_box():
    class Views(nn.Module):
        def forward(self, x):
            return x.reshape(2, 2, 3).permute(0, 2, 1).relu().flatten()

    boxes = Diagram(ModelCheck(Views(), input_size=(4, 3)).structure().to_dict()).boxes
    shown = [boxes[child].title for child in boxes[0].children]
    assert shown == ["input", "views", "relu", "flatten", "output"]
    assert boxes[boxes[0].children[1]].name == "reshape, permute"


class Crossed(nn.Module):
    """Two branches; `crossed` feeds the second from the first."""

    def __init__(self, crossed):
        super().__init__()
        self.crossed = crossed

    def forward(self, x):
        a, b = x.relu(), x.sigmoid()
        return (a + b) * (a if self.crossed else b).tanh()


def test_an_edge_between_two_operators_of_both_revisions_is_new_or_gone():
    from pytest_modelcheck.checks.structure.compare.diff import Comparison
    from pytest_modelcheck.checks.structure.compare.merge import merged

    base, head = (ModelCheck(Crossed(c), input_size=(1, 4)).structure() for c in (False, True))
    diff = merged(Comparison(base, head))
    diagram = Diagram(head.to_dict() | {"diff": diff})
    root, titles = diagram.boxes[0], [box.title for box in diagram.boxes]
    ways = {(titles[u], titles[v]): root.way_status(u, v) for u, v, _ in root.edges}
    assert {pair: status for pair, status in ways.items() if status} == {
        ("relu", "tanh"): "added",
        ("sigmoid", "tanh"): "removed",
    }
    assert [box.title for box in diagram.boxes[1:] if box.status == "changed"] == ["tanh"]
    same = merged(Comparison(head, head))
    assert (same["links"], same["earlier"]) == ([], [])


def test_a_box_tells_what_goes_in_and_out_what_it_holds_and_what_it_was():
    from pytest_modelcheck.checks.structure.compare.diff import Comparison
    from pytest_modelcheck.checks.structure.compare.merge import merged
    from pytest_modelcheck.checks.structure.payload import payload

    def net(stride, scale):
        class Scaled(nn.Module):
            def forward(self, x):
                return nn.functional.avg_pool2d(x, scale).relu()

        return nn.Sequential(nn.Conv2d(3, 4, 3, stride=stride, padding=1), Scaled())

    base, head = (ModelCheck(net(*k), input_size=(1, 3, 8, 8)).structure() for k in ((2, 2), (1, 4)))
    data = payload(head.to_dict() | {"diff": merged(Comparison(base, head))}, {})
    boxes = {box["title"]: box for box in data["boxes"].values()}
    conv = boxes["Conv2d"]
    assert ["stride", "2", "1"] in [list(row) for row in conv["changes"]]
    assert [text for _, _, text in conv["inputs"]] == ["1×3×8×8 float32"]
    assert conv["outputs"] == ["1×4×8×8 float32"]
    assert conv["tensors"][0] == ("0.weight", "weight", "4×3×3×3")
    assert [row for row in boxes["avg_pool2d"]["changes"] if row[0] == "kernel_size"] == [
        ("kernel_size", "2", "4")
    ]
    assert boxes["Scaled"]["outputs"] == ["1×4×2×2 float32"]
    assert data["boxes"][boxes["Scaled"]["inputs"][0][1]]["title"] == "Conv2d"

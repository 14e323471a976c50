"""What results say of inputs of every dimension, of callables of one name, and of what cannot be asked."""

import functools
import json
import operator
import re

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ClassDifference, ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.changes import heatmap_changes
from pytest_modelcheck.checks.explain.heatmap import Heatmap
from pytest_modelcheck.checks.explain.metrics import FEATURE_SHIFT, PROBABILITY
from pytest_modelcheck.checks.explain.named import Named
from pytest_modelcheck.checks.explain.section import SECTIONS
from pytest_modelcheck.drawing.images import from_base64
from pytest_modelcheck.records.compare import other_definition

from .planted import drawn, told

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
SPACES = {1: (32,), 2: (12, 10), 3: (8, 12, 10)}


def network(axes: int, channels: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    convolution, pool = CONVOLUTIONS[axes], getattr(nn, f"AdaptiveAvgPool{axes}d")
    layers = (convolution(channels, 4, 3), nn.ReLU(), convolution(4, 5, 3), nn.ReLU())
    return nn.Sequential(*layers, pool(1), nn.Flatten(), nn.Linear(5, 3))


def explained(axes: int, samples: int = 2) -> ModelCheck:
    return ModelCheck(network(axes), drawn(samples, 1, *SPACES[axes]))


# callables


def of(column, scale=1.0):
    def col(output):
        return output[:, column] * scale

    return col


def default(column):
    def col(output, at=column):
        return output[:, at]

    return col


def keyword(column):
    def col(output, *, at=column):
        return output[:, at]

    return col


class Column:
    def __init__(self, column):
        self.column = column

    def __call__(self, output):
        return output[:, self.column]

    def score(self, output):
        return output[:, self.column]


class Slotted(Column):
    __slots__ = ("column",)


CALLABLES = {
    "closure": of,
    "default": default,
    "keyword": keyword,
    "partial": lambda k: functools.partial(of, column=k),
    "partial of a closure": lambda k: functools.partial(of(k)),
    "object": Column,
    "slots": Slotted,
    "method": lambda k: Column(k).score,
    "closure over a closure": lambda k: (lambda inner: lambda output: inner(output))(of(k)),
    "closure over a tensor": lambda k: of(torch.tensor([k])),
    "closure over an array": lambda k: of(np.array([k])),
    "closure over a large tensor": lambda k: of(torch.full((5000,), k)),
    "difference": lambda k: ClassDifference(0, 1, alpha=k),
    "constants of a nested function": lambda k: (
        (lambda output: (lambda x: x[:, 0])(output)) if k else (lambda output: (lambda x: x[:, 1])(output))
    ),
}
ONLY_ITSELF = ("slots", "closure over a large tensor")


@pytest.mark.parametrize("make", CALLABLES.values(), ids=CALLABLES.keys())
def test_callables_of_one_name_are_told_apart(make):
    first, second = Named(make(0)), Named(make(1))
    assert str(first) == str(second) or isinstance(first.function, ClassDifference)
    assert repr(first) != repr(second)
    assert not re.search("0x|[0-9]{9}", f"{first} {first!r}")


@pytest.mark.parametrize("name", [name for name in CALLABLES if name not in ONLY_ITSELF])
def test_callables_that_do_the_same_are_one(name):
    assert repr(Named(CALLABLES[name](1))) == repr(Named(CALLABLES[name](1)))


def test_a_callable_is_known_by_what_it_held_at_first():
    """One that counts its calls stays the same; one that holds itself comes to an end."""
    column = Column(0)
    column.itself = column
    named = Named(column)
    before = repr(named)
    column.calls = 1
    assert repr(named) == before


def test_a_callable_of_c_is_known_by_what_it_was_made_of():
    """Not by where it lies in memory: that is another's once it is gone."""
    first, same, other = (Named(operator.itemgetter(i)) for i in (0, 0, 1))
    assert repr(first) == repr(same) != repr(other)


# signals and volumes


def test_one_signal_of_one_channel_is_a_picture():
    heatmap = ModelCheck(network(1), drawn(1, 1, 64)).gradcam(target=1)
    assert heatmap.map.shape == (1, 64)
    named = ModelCheck(network(1), drawn(1, 1, 64)).gradcam(target=1, image="input")
    assert np.array_equal(named.map, heatmap.map)


class Scaled(nn.Module):
    """A picture and what it is multiplied by."""

    def __init__(self, axes):
        super().__init__()
        self.network = network(axes)

    def forward(self, scale, x):
        return self.network(x * scale)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 1), (1, 1), (1,)], ids=str)
@pytest.mark.parametrize("axes", [1, 2])
def test_a_scale_beside_it_is_none(shape, axes):
    x = drawn(2, 1, *SPACES[axes])
    scale = torch.ones(shape if axes == 1 or len(shape) < 3 or shape[0] == 1 else (2, 1, 1, 1))
    heatmap = ModelCheck(Scaled(axes), (scale, x)).gradcam(target=1)
    assert heatmap.map.shape == (2, *SPACES[axes])
    assert "no picture" in told(lambda: ModelCheck(Scaled(axes), (scale, x)).gradcam(target=1, image="scale"))


@pytest.mark.parametrize("axes", SPACES)
def test_a_box_has_two_corners_x_first(axes):
    made = explained(axes).deconvnet(layer="2")
    for sample in range(2):
        box = made.box(sample)
        first, last = box[:axes], box[axes:]
        where = tuple(slice(low, high) for low, high in zip(first[::-1], last[::-1], strict=True))
        inside = np.zeros(SPACES[axes], bool)
        inside[where] = True
        reached = np.abs(made.raw[sample]).max(0) > 0
        assert [high - low for low, high in zip(first, last, strict=True)] == [5] * axes
        assert not reached[~inside].any()
    assert ModelCheck(network(axes), drawn(1, 1, *SPACES[axes])).gradcam().points_at([box]).shape == (1,)


def test_a_box_of_nothing_is_empty():
    made = explained(3).deconvnet(layer="2")
    made.raw[0] = 0
    assert made.box(0) == (0,) * 6


@pytest.mark.parametrize("axes", SPACES)
def test_strongest_activations_and_evolution_of_every_dimension(axes):
    subject = explained(axes)
    found = subject.strongest_activations(["0", "2"], features=2, samples=2)
    tiles = [tile for layer in found.layers.values() for tile in layer]
    assert len(tiles) >= 4
    for tile in tiles:
        assert tile.patch.size == tile.projection.size
        assert len(np.unique(np.asarray(tile.projection))) > 1
    if axes == 2:
        assert {tile.patch.size for tile in found.layers["0"]} == {(3, 3)}
    states = {name: network(axes).state_dict() for name in ("a", "b")}
    seen = subject.feature_evolution(states, layers="2")
    assert all(seen.activations["2"])
    json.dumps([found.to_dict(), seen.to_dict()])


# the record


def test_what_a_detector_pads_is_recorded():
    """The same maps of two records, one drawn over the padded picture: a base's are drawn where they lie."""
    raw = np.zeros((1, 8, 8), np.float32)
    raw[0, 1, 1] = 1
    pictures = {}
    for extent in ((), (0.5, 0.5)):
        old, new = (
            Heatmap(one, np.zeros((1, 3, 64, 64), np.float32), "own", "c", (0,), (0.0,), extent=extent)
            for one in (raw, raw[:, ::-1].copy())
        )
        entries = [{**one.to_dict(), "nodeid": None} for one in (old, new)]
        assert entries[0].get("extent", []) == list(extent)
        assert entries[0]["map_shape"] == [8, 8]
        (row,) = heatmap_changes(entries[:1], entries[1:], {})
        pictures[extent] = np.asarray(from_base64(row["compared"]["expected"]).convert("RGB"), float)
        assert pictures[extent].any()
    assert np.abs(pictures[()] - pictures[0.5, 0.5]).max() > 50


def test_guided_gradcam_keeps_what_its_heatmap_knows():
    subject = explained(2)
    heatmap, guided = subject.gradcam(target=1), subject.guided_gradcam(target=1)
    assert guided.top == heatmap.top != ()
    assert guided.probability == heatmap.probability == "softmax"


def test_what_is_counted_otherwise_has_another_definition():
    found = {section.name: section.definition.version for section in SECTIONS}
    assert found == {"heatmaps": 2, "projections": 1, "faithfulness": 2, "invariance": 2, "evolution": 1}
    for metric in (PROBABILITY, FEATURE_SHIFT):
        assert other_definition(metric, 1, 2) == "counted differently since 0.1: not compared"
        assert other_definition(metric, 2, 2) == ""


# what cannot be asked

ASKED = {
    "classes by name": (lambda m: m.gradcam(classes={"cat": 0}), "classes=.*whole number.*index -> name"),
    "a class between": (lambda m: m.gradcam(classes={0.5: "cat"}), "classes=.*whole number"),
    "a number of classes": (lambda m: m.gradcam(classes=3), "classes=3 are no names"),
    "one name": (lambda m: m.deconvnet(classes="cat"), "classes=.cat. are no names"),
    "several layers": (lambda m: m.gradcam(layer=["2"]), "has no layer .*: give one"),
    "a layer's number": (lambda m: m.deconvnet(layer=2), "has no layer 2: give one"),
    "layers of a feature": (lambda m: m.strongest_activations([["0"]]), "has no layer .*: give one"),
    "a call of no layer": (lambda m: m.deconvnet(call=3), r"call=3 needs the layer"),
    "the first call": (lambda m: m.guided_backprop(call=0), r"call=0 needs the layer"),
    "a feature of no layer": (lambda m: m.deconvnet(feature=3), r"feature=3 needs the layer"),
}


@pytest.mark.parametrize(("ask", "words"), ASKED.values(), ids=ASKED.keys())
def test_what_cannot_be_asked_is_told(ask, words):
    with pytest.raises(ExplanationError, match=words):
        ask(explained(2))


NAMES = {
    "sequence": ["a", "b", "c"],
    "tuple": ("a", "b", "c"),
    "mapping": {0: "a", 1: "b"},
    "of numpy": {np.int64(1): "b"},
    "of a JSON file": {"0": "a", "1": "b"},
}


@pytest.mark.parametrize("classes", NAMES.values(), ids=NAMES.keys())
def test_names_of_classes(classes):
    assert explained(2).gradcam(target=1, classes=classes).names[1] == "b"

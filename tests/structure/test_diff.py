"""What changed between two structures, at the right module, in the right words."""

import copy

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

from .nets import Block, Net

SIZE = (1, 3, 16, 16)


def structure(model, size=SIZE):
    return ModelCheck(model, input_size=size).structure()


@pytest.fixture(scope="module")
def base():
    return structure(Net())


def changed(change):
    """A net after `change`, a function of it."""
    net = Net()
    change(net)
    return net


def with_settings(path, **settings):
    def change(net):
        for name, value in settings.items():
            setattr(net.get_submodule(path), name, value)

    return changed(change)


def with_module(path, module):
    return changed(lambda net: net.set_submodule(path, module))


CHANGES = {
    "stride with equal shapes": (
        # 17 pixels a side give 9 with stride 2 and padding 1, and 9 with stride 2 and kernel 1: shapes say nothing
        lambda: Net(functional_stride=1),
        ["(the model): conv2d stride changed: 2 -> 1"],
    ),
    "dilation": (
        lambda: Net(dilation=2, padding=2),
        ["blocks.1.a: padding changed: 1 -> 2", "blocks.1.a: dilation changed: 1 -> 2"],
    ),
    "eps": (lambda: with_settings("blocks.1.norm", eps=1e-3), ["blocks.1.norm: eps changed: 1e-05 -> 0.001"]),
    "groups": (
        lambda: Net(groups=2),
        ["blocks.1.a: groups changed: 1 -> 2"],
    ),
    "activation": (
        lambda: with_module("blocks.1.act", nn.GELU()),
        ["blocks.1.act: class changed: ReLU() -> GELU(approximate='none')"],
    ),
    "pooling": (
        lambda: Net(pool=nn.AdaptiveMaxPool2d),
        ["pool: class changed: AdaptiveAvgPool2d(output_size=1) -> AdaptiveMaxPool2d(output_size=1)"],
    ),
    "dropped residual": (lambda: Net(residual=False), ["blocks.1: operator add removed"]),
    "two layers exchanged": (lambda: Net(order="ba"), ["blocks.1.b: call moved: after a -> first"]),
    "bias removed": (lambda: Net(bias=False), ["blocks.1.a: parameter bias removed: 8"]),
    "a layer put before another": (
        lambda: changed(lambda net: net.blocks.insert(1, nn.BatchNorm2d(8))),
        [
            "blocks.1: module added: BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, "
            "track_running_stats=True)"
        ],
    ),
    "a layer taken away": (
        lambda: changed(lambda net: net.blocks.pop(0)),
        ["blocks.1: module removed: Block (4 modules)"],
    ),
}


@pytest.mark.parametrize(("make", "words"), CHANGES.values(), ids=CHANGES.keys())
def test_a_change_is_told_where_it_is(base, make, words):
    head = structure(make())
    assert head.fingerprint != base.fingerprint
    told = [str(change) for change in head.diff(base)]
    assert [text.replace(", bias=True", "") for text in told] == [
        text.replace(", bias=True", "") for text in words
    ]


@pytest.mark.parametrize("make", [make for make, _ in CHANGES.values()], ids=CHANGES.keys())
def test_and_the_way_back_too(base, make):
    head = structure(make())
    assert base.diff(head)
    assert head.diff(structure(make())) == []


def test_a_stride_that_keeps_all_shapes_is_seen():
    """A convolution over one pixel gives one pixel at any stride."""
    one, two = (structure(nn.Conv2d(3, 4, 1, stride=s), (1, 3, 1, 1)) for s in (1, 2))
    assert one.graph.nodes[-1].shapes == two.graph.nodes[-1].shapes
    assert one.fingerprint != two.fingerprint
    assert [str(c) for c in two.diff(one)] == ["(the model): stride changed: 1 -> 2"]


def sequence(*order):
    torch.manual_seed(0)
    layers = {
        "conv": nn.Conv2d(3, 3, 1),
        "relu": nn.ReLU(),
        "norm": nn.BatchNorm2d(3),
        "wide": nn.Conv2d(3, 3, 3),
    }
    return structure(nn.Sequential(*(copy.deepcopy(layers[name]) for name in order)))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("conv relu norm", "conv norm relu", ["2: module moved BatchNorm2d 2 -> 1"]),
        ("conv wide", "wide conv", ["1: module moved Conv2d 0 -> 1", "0: module moved Conv2d 1 -> 0"]),
        ("conv relu conv relu", "conv relu norm conv relu", ["2: module added"]),
        ("conv relu conv relu", "conv relu relu", ["module removed"]),
        ("conv relu", "conv relu", []),
    ],
)
def test_in_a_sequence_only_what_moved_is_told(before, after, words):
    told = [str(c) for c in sequence(*after.split()).diff(sequence(*before.split()))]
    modules = [text for text in told if "shape" not in text]
    assert len(modules) == len(words)
    for text, expected in zip(modules, words, strict=True):
        assert all(word in text.replace(":", "") for word in expected.replace(":", "").split()), text


class Join(nn.Module):
    def __init__(self, flip=False, source="relu"):
        super().__init__()
        self.relu, self.tanh = nn.ReLU(), nn.Tanh()
        self._flip, self._source = flip, source

    def forward(self, x):
        made = {"relu": self.relu(x), "tanh": self.tanh(x)}
        pair = [made["relu"], made["tanh"]]
        return torch.cat(pair[::-1] if self._flip else pair) * made[self._source]


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (Join(flip=True), "(the model): operands of cat swapped: relu, tanh -> tanh, relu"),
        (Join(source="tanh"), "(the model): input of mul changed: cat, relu -> cat, tanh"),
    ],
)
def test_data_that_takes_another_way(head, words):
    size = (1, 3, 1, 1)
    assert [str(c) for c in structure(head, size).diff(structure(Join(), size))] == [words]


def test_changes_of_a_functional_model():
    class Functional(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def forward(self, x):
            return self.function(x) + 1

    relu, gelu = (structure(Functional(f), (2, 3)) for f in (torch.relu, nn.functional.gelu))
    assert [str(c) for c in gelu.diff(relu)] == ["(the model): operator changed: relu -> gelu"]


def test_another_input_is_told_as_that():
    told = [str(c) for c in structure(Net(), (2, 3, 16, 16)).diff(structure(Net()))]
    assert told == [
        "(the model): input shape changed: 1×3×16×16 -> 2×3×16×16",
        "(the model): output shape changed: 1×4 -> 2×4",
    ]


def test_a_change_is_plain_data():
    (change, *_) = structure(Net(bias=False)).diff(structure(Net()))
    assert change.to_dict() == {
        "kind": "removed",
        "path": "blocks.1.a",
        "what": "parameter bias",
        "before": "8",
        "after": None,
        "text": "blocks.1.a: parameter bias removed: 8",
    }
    assert Block()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (nn.ConstantPad2d(2, 0.0), nn.ConstantPad2d(1, 1.0), ["value 0.0 -> 1.0", "padding 2 -> 1"]),
        (nn.ReflectionPad2d((1, 2, 1, 2)), nn.ReflectionPad2d((2, 2, 1, 2)), ["padding 1×2×1×2 -> 2×2×1×2"]),
        (nn.ZeroPad2d(1), nn.ZeroPad2d(2), ["padding 1 -> 2"]),
    ],
    ids=lambda module: type(module).__name__,
)
def test_a_setting_is_told_once_whatever_the_operator_calls_it(old, new, told):
    changes = structure(new).diff(structure(old))
    words = [f"{c.what} {c.before} -> {c.after}" for c in changes if "shape" not in c.what]
    assert words == told

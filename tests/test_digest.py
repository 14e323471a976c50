"""What a measurement may be shared by: the same state of the same model has one digest, any other state another one."""

import os
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from pytest_modelcheck.model.state.digest import digest

from .test_held import HELD, Keeps, restore_globals

SCALE = 1.0


class Config:
    scale = 1.0


def helper(x):
    return x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.bn = nn.Linear(200, 200), nn.BatchNorm1d(200)
        self.options, self.plain = {"scale": 1.0, "sizes": [1, 2]}, torch.ones(3)

    def forward(self, x):
        return helper(self.bn(self.layer(x)) * self.options["scale"]) * SCALE * Config.scale

    def other(self, x):
        return x


def in_place(model):
    with torch.no_grad():
        model.layer.weight.mul_(2)


CHANGES = {
    "a weight": in_place,
    "another weight": lambda m: setattr(m.layer, "weight", nn.Parameter(m.layer.weight.detach().clone())),
    "a weight's memory": lambda m: setattr(m.layer.weight, "data", m.layer.weight.data.clone()),
    "another type": lambda m: m.half(),
    "a training flag": lambda m: m.bn.eval(),
    "requires_grad": lambda m: m.layer.weight.requires_grad_(False),
    "a hook": lambda m: m.layer.register_forward_hook(lambda *_: None),
    "a hook of all modules": lambda m: None,
    "an attribute": lambda m: setattr(m, "width", 3),
    "an entry of a dictionary": lambda m: m.options.update(scale=2.0),
    "an entry of a list in it": lambda m: m.options["sizes"].append(3),
    "a small tensor through .data": lambda m: m.plain.data.add_(1),
    "a small tensor through numpy": lambda m: m.plain.numpy().__iadd__(1),
    "a child": lambda m: m.add_module("more", nn.ReLU()),
    "the class": lambda m: setattr(m, "__class__", Keeps),
    "the class's method": lambda m: setattr(Net, "forward", Net.other),
    "a global": lambda m: globals().update(SCALE=2.0),
    "a function": lambda m: globals().update(helper=lambda x: x + 1),
    "an attribute of a class elsewhere": lambda m: setattr(Config, "scale", 2.0),
    "the environment": lambda m: os.environ.update(MODELCHECK_TEST_SCALE="2"),
    "a method": lambda m: setattr(m, "forward", lambda x: x),
    "pruning": lambda m: prune.l1_unstructured(m.layer, "weight", 0.5),
    "a setting of torch": lambda m: torch.backends.mha.set_fastpath_enabled(False),
    "the default dtype": lambda m: torch.set_default_dtype(torch.float64),
}
BY_VALUE = {
    "a weight through .data": lambda m: m.layer.weight.data.mul_(2),
    "a weight through numpy": lambda m: m.layer.weight.detach().numpy().__imul__(2),
    "torch's generator": lambda m: torch.rand(1),
    "python's": lambda m: random.random(),
    "numpy's": lambda m: np.random.rand(),
}


@pytest.fixture(autouse=True)
def settings():
    kept = Net.forward, helper
    yield
    Net.forward, globals()["helper"] = kept
    globals()["SCALE"] = Config.scale = 1.0
    os.environ.pop("MODELCHECK_TEST_SCALE", None)
    torch.backends.mha.set_fastpath_enabled(True)
    torch.set_default_dtype(torch.float32)


def digests(model, given=()):
    return digest(model, given), digest(model, given, values=True, draws=True)


@pytest.mark.parametrize("change", [*CHANGES.values(), *BY_VALUE.values()], ids=[*CHANGES, *BY_VALUE])
def test_another_state_has_another_digest(change):
    model = Net()
    before = digests(model)
    assert digests(model) == before
    if change is CHANGES["a hook of all modules"]:
        change = lambda m: nn.modules.module.register_module_forward_hook(lambda *_: None)  # noqa: E731
    handle = change(model)
    after = digests(model)
    if hasattr(handle, "remove"):
        handle.remove()
    assert after[1] != before[1]
    assert (after[0] != before[0]) is (change not in BY_VALUE.values())


@pytest.mark.parametrize(("held", "write"), HELD.values(), ids=HELD.keys())
def test_whatever_a_model_keeps_belongs_to_it(held, write):
    model = Keeps(held(), write)
    before = digests(model)
    assert digests(model) == before
    model(torch.randn(2, 4))
    assert digests(model)[1] != before[1]
    restore_globals()


def test_inputs_count_by_value():
    model, x = Net(), torch.randn(4, 200)
    before = digests(model, (x,))
    assert digests(model, (x.clone(),)) == before
    x.data[0, 0] += 1
    assert digests(model, (x,))[0] != before[0]


def test_what_has_no_digest_has_none():
    model = Net()
    model.stream = iter([1])
    assert digests(model) == (None, None)

"""The module tree, and a fingerprint that changes exactly when it does."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

CODE = """
import torch
from torch import nn
from pytest_modelcheck import ModelCheck
model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Sequential(nn.Linear(8, 4)))
print(ModelCheck(model).structure().fingerprint)
"""


def make(**changes) -> nn.Module:
    conv = {"stride": 1, "padding": 1, "groups": 1, "bias": True} | changes
    return nn.Sequential(
        nn.Conv2d(3, 8 if conv["groups"] == 1 else 9, 3, **conv), nn.ReLU(), nn.Sequential(nn.Linear(8, 4))
    )


def fingerprint(model: nn.Module) -> str:
    return ModelCheck(model).structure().fingerprint


def test_the_tree_names_types_attributes_and_parameters():
    structure = ModelCheck(make(), name="net").structure()
    conv = structure.modules[1]
    assert (conv.name, conv.type, conv.depth, conv.params) == ("0", "Conv2d", 1, 224)
    assert conv.attributes.startswith("3, 8, kernel_size=(3, 3)")
    assert "      0: Linear(" not in str(structure)
    assert "    0: Linear(in_features=8, out_features=4, bias=True)  36 parameters" in str(structure)


def test_it_is_the_same_in_another_process_and_for_other_weights():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fingerprint(make())
    model = make()
    model.load_state_dict({name: tensor + 1 for name, tensor in model.state_dict().items()})
    assert fingerprint(model) == fingerprint(make())


CHANGES = {
    "stride": lambda: make(stride=2),
    "groups": lambda: make(groups=3),
    "bias": lambda: make(bias=False),
    "activation": lambda: nn.Sequential(make()[0], nn.GELU(), make()[2]),
    "order": lambda: nn.Sequential(make()[0], make()[2], nn.ReLU()),
    "a buffer": lambda: _with_buffer(make()),
}


def _with_buffer(model: nn.Module) -> nn.Module:
    model.register_buffer("mask", torch.ones(3))
    return model


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_it_changes_with(change):
    assert fingerprint(change()) != fingerprint(make())


class Written(nn.Module):
    def __init__(self, function, setting=0):
        super().__init__()
        self.setting = setting
        self._function = function

    def forward(self, x):
        return self._function(x)


SAME = {
    "a whole setting": (Written(torch.relu), Written(torch.relu, 0.0)),
    "a switch": (Written(torch.relu, 1), Written(torch.relu, True)),
    "a whole factor": (Written(lambda x: x * 2), Written(lambda x: x * 2.0)),
    "a default": (Written(torch.relu), Written(nn.functional.relu)),
    "strides that a kernel sets": (
        Written(lambda x: nn.functional.max_pool2d(x, 2)),
        Written(lambda x: nn.functional.max_pool2d(x, 2, 2)),
    ),
}


@pytest.mark.parametrize(("base", "head"), SAME.values(), ids=SAME.keys())
def test_what_is_the_same_has_one_fingerprint(base, head):
    sides = [ModelCheck(net, input_size=(1, 3, 8, 8)).structure() for net in (base, head)]
    assert sides[0].fingerprint == sides[1].fingerprint
    assert sides[1].diff(sides[0]) == []


def test_frozen_and_lazy_modules_and_a_broken_extra_repr():
    class Odd(nn.Linear):
        def extra_repr(self):
            raise ValueError("no words")

    structure = ModelCheck(nn.Sequential(Odd(2, 2).requires_grad_(False), nn.LazyLinear(3))).structure()
    assert structure.modules[1].frozen
    assert structure.modules[1].attributes == "(extra_repr raised ValueError)"
    assert structure.modules[2].params == 0

"""A ReLU is what works as one, however it is written; what else goes back by the plain rule is told."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ModelCheck

X = torch.randn(2, 3, 14, 14, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    def __init__(self, act, pool=True):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.fc = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 5, 3), nn.Linear(5, 4)
        self.pool, self.act = nn.MaxPool2d(2) if pool else nn.AvgPool2d(2), act

    def forward(self, x):
        return self.fc(F.relu(self.two(self.pool(self.act(self.one(x))))).mean((2, 3)))


def project(act, method="guided_backprop", pool=True):
    return getattr(ModelCheck(Net(act, pool).eval(), X), method)(target=1)


RELUS = {
    "clamp(min=0)": lambda x: x.clamp(min=0),
    "clamp_": lambda x: x.clamp_(min=0),
    "clip": lambda x: torch.clip(x, min=0),
    "clamp_min of a tensor": lambda x: torch.clamp_min(x, torch.zeros(1)),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "maximum": lambda x: torch.maximum(torch.zeros(()), x),
    "aten.relu": torch.ops.aten.relu.default,
    "a view, in place": lambda x: (x.flatten(1).relu_(), x)[1],
    "F.relu of a view, in place": lambda x: (F.relu(x.view(-1), inplace=True), x)[1],
    "clamp_ of a view": lambda x: (x[:].clamp_(0), x)[1],
}


@pytest.mark.parametrize("act", RELUS.values(), ids=RELUS.keys())
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop"])
def test_however_it_is_written(act, method):
    found = project(act, method)
    np.testing.assert_allclose(found.raw, project(F.relu, method).raw, atol=1e-7)
    assert (found.relus, found.notes) == (2, ())


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_torchscript_that_has_run_before():
    """After its first runs a block is one node of the graph."""
    model = Net(
        torch.jit.script(nn.Sequential(nn.Conv2d(6, 6, 1), nn.ReLU(), nn.Conv2d(6, 6, 1)).eval())
    ).eval()
    for _ in range(4):
        model(X.clone().requires_grad_())
    plain = Net(nn.Sequential(nn.Conv2d(6, 6, 1), nn.ReLU(), nn.Conv2d(6, 6, 1))).eval()
    plain.load_state_dict(model.state_dict())
    found = ModelCheck(model, X).guided_backprop(target=1)
    np.testing.assert_allclose(found.raw, ModelCheck(plain, X).guided_backprop(target=1).raw, atol=1e-7)
    assert found.relus == 2


OTHERS = {
    "Hardswish": F.hardswish,
    "GELU": F.gelu,
    "SELU": F.selu,
    "SiLU": lambda x: x * torch.sigmoid(x),
    "Sigmoid": torch.sigmoid,
    "Threshold": lambda x: F.threshold(x, 0.5, 0.0),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_goes_back_by_the_plain_rule_is_told(name):
    note = f"1 of 2 activations are ReLU; {name} goes back by the plain rule"
    assert project(OTHERS[name]).notes == (note,)


PLAIN = {
    "gate": lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)),
    "threshold(0, -1)": lambda x: F.threshold(x, 0.0, -1.0),
    "clamp(-1, 1)": lambda x: x.clamp(-1, 1),
}


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_no_rectifier(name):
    found = project(PLAIN[name])
    assert (found.relus, found.notes) == (1, ())


def test_a_deconvnet_without_switches_is_told():
    (note,) = project(F.relu, "deconvnet", pool=False).notes
    assert "this one is the same for every picture (Springenberg et al. 2014)" in note
    gated = project(PLAIN["gate"], "deconvnet", pool=False).notes[-1]
    assert "no max pooling" in gated
    assert "same for every" not in gated
    assert project(F.relu, "deconvnet").notes == project(F.relu, pool=False).notes == ()


def test_a_layer_before_all_relus_is_the_plain_gradient_and_says_so():
    found = ModelCheck(Net(F.relu).eval(), X).deconvnet(layer="one", feature=1)
    assert found.relus == 0
    assert "no ReLU lies between the layer and the pixels: this is the plain gradient" in found.notes

"""Deconvnet and guided backpropagation: the papers' construction, ReLUs of every kind, refusals."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck

from ..test_observe import photograph, same

RELUS = {
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "torch.relu": torch.relu,
    "torch.relu_, result unused": lambda x: (torch.relu_(x), x)[1],
    "Tensor.relu": lambda x: x.relu(),
    "Tensor.relu_": lambda x: x.relu_(),
    "F.relu6": F.relu6,
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 6.0),
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "ReLU6": nn.ReLU6(),
}


class Net(nn.Module):
    def __init__(self, relu):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 5, 3)
        self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(5 * 2 * 2, 4)
        self.relu = relu

    def forward(self, x):
        x = self.pool(self.relu(self.one(x)))
        x = self.pool(self.relu(self.two(x)))
        return self.fc(x.flatten(1))


def make(relu) -> tuple[Net, torch.Tensor]:
    torch.manual_seed(0)
    return Net(relu).eval(), torch.randn(2, 3, 14, 14)


def unpooled(model: Net, images: torch.Tensor, target: int) -> np.ndarray:
    """Zeiler and Fergus' deconvnet, built as they describe it: unpool by the switches, rectify, filter transposed."""
    with torch.no_grad():
        one = F.relu(model.one(images))
        small, switches = F.max_pool2d(one, 2, return_indices=True)
        two = F.relu(model.two(small))
        _, more = F.max_pool2d(two, 2, return_indices=True)
        signal = model.fc.weight[target].reshape(1, 5, 2, 2).expand(len(images), -1, -1, -1)
        signal = F.relu(F.max_unpool2d(signal, more, 2, output_size=two.shape))
        signal = F.conv_transpose2d(signal, model.two.weight)
        signal = F.relu(F.max_unpool2d(signal, switches, 2, output_size=one.shape))
        return F.conv_transpose2d(signal, model.one.weight).numpy()


@pytest.mark.parametrize("relu", RELUS.values(), ids=RELUS.keys())
def test_deconvnet_is_the_explicit_construction(relu):
    model, images = make(relu)
    before = photograph(model)
    projection = ModelCheck(model, images).deconvnet(target=1)
    assert same(before, photograph(model))
    np.testing.assert_allclose(projection.raw, unpooled(model, images, 1), atol=1e-6)
    assert projection.relus == 2


def test_one_feature_from_its_strongest_activation_with_the_others_zeroed():
    model, images = make(F.relu)
    projection = ModelCheck(model, images).deconvnet(layer="two", feature=3)
    with torch.no_grad():
        one = F.relu(model.one(images))
        small, switches = F.max_pool2d(one, 2, return_indices=True)
        two = model.two(small)
        signal = torch.zeros_like(two)
        for n in range(2):
            place = divmod(int(two[n, 3].argmax()), two.shape[3])
            signal[n, 3][place] = two[n, 3][place]
        signal = F.conv_transpose2d(signal, model.two.weight)
        signal = F.relu(F.max_unpool2d(signal, switches, 2, output_size=one.shape))
        want = F.conv_transpose2d(signal, model.one.weight).numpy()
        peaks = two[:, 3].amax((1, 2)).tolist()
    np.testing.assert_allclose(projection.raw, want, atol=1e-6)
    assert projection.score == pytest.approx(peaks)
    assert projection.target == ("feature 3",) * 2
    left, top, right, bottom = projection.box()
    assert (right - left, bottom - top) <= (8, 8)  # two 3 x 3 filters and a pool of 2: a field of 8


@pytest.mark.parametrize("relu", [F.relu, nn.ReLU6()], ids=["functional", "ReLU6"])
def test_guided_backprop_also_keeps_the_forwards_mask(relu):
    model, images = make(relu)
    leaf = images.clone().requires_grad_()
    one, two = model.one(leaf), None
    a = F.relu(one)
    small = F.max_pool2d(a, 2)
    two = model.two(small)
    logits = model.fc(F.max_pool2d(F.relu(two), 2).flatten(1))
    (signal,) = torch.autograd.grad(logits[:, 1].sum(), two, retain_graph=True)
    (signal,) = torch.autograd.grad(two, a, signal.relu(), retain_graph=True)
    (want,) = torch.autograd.grad(one, leaf, signal.relu() * (one > 0))
    np.testing.assert_allclose(ModelCheck(model, images).guided_backprop(target=1).raw, want, atol=1e-6)


@pytest.mark.parametrize("act", [nn.GELU(), nn.SiLU(), nn.Hardswish()], ids=["gelu", "silu", "hardswish"])
@pytest.mark.parametrize("method", ["deconvnet", "guided_backprop", "guided_gradcam"])
def test_without_a_relu_the_plain_gradient_is_not_sold_as_something_else(act, method):
    model, images = make(act)
    with pytest.raises(ExplanationError, match="no ReLU was met"):
        getattr(ModelCheck(model, images), method)(target=1)


def test_other_refusals():
    model, images = make(F.relu)
    check = ModelCheck(model, images)
    with pytest.raises(ExplanationError, match="feature 5 is out of range: layer 'two' has 5"):
        check.deconvnet(layer="two", feature=5)
    with pytest.raises(ExplanationError, match="has no call 1: it ran 1 times"):
        check.deconvnet(layer="two", call=1)
    with pytest.raises(ExplanationError, match="target 9 is out of range"):
        check.deconvnet(target=9)


def test_pictures():
    model, images = make(F.relu)
    projection = ModelCheck(model, images).guided_backprop(target=1)
    assert projection.picture().size == (14, 14)
    assert projection.map.shape == (2, 14, 14)
    assert projection.map.max((1, 2)) == pytest.approx(1)
    assert set(projection.to_dict()) >= {"title", "image", "input", "relus"}

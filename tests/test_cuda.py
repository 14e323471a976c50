"""On a CUDA device: what must be as on the host, and what must be as it was before."""

import copy

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.records.environment import torch_environment

from .test_held import METHODS

pytestmark = pytest.mark.cuda
DEVICE = "cuda"


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return nn.Sequential(*layers, nn.Linear(8, 4))


def on_both(size: tuple[int, ...] = (2, 3, 16, 16)) -> tuple[ModelCheck, ModelCheck]:
    model, x = net(), torch.rand(size)
    return ModelCheck(model, x), ModelCheck(copy.deepcopy(model).to(DEVICE), x.to(DEVICE))


@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_counts_are_those_of_the_host(phase):
    host, device = (check.complexity(phase=phase) for check in on_both())
    assert device.flops == host.flops > 0
    assert device.memory_access == host.memory_access
    assert not device.unknown_operators


def test_the_structure_is_that_of_the_host():
    host, device = (check.structure() for check in on_both())
    assert host.diff(device) == []


@pytest.mark.parametrize("method", ["gradcam", "layercam", "score_cam", "guided_backprop"])
def test_a_heatmap_is_that_of_the_host(method):
    options = {} if method == "guided_backprop" else {"layer": "0"}
    host, device = (getattr(check, method)(target=1, **options) for check in on_both((1, 3, 16, 16)))
    assert host.raw.shape == device.raw.shape
    assert abs(host.map - device.map).max() < 0.05


def test_it_exports():
    pytest.importorskip("onnxruntime")
    _, check = on_both()
    assert check.onnx().max_relative_error < 0.01


def test_invariance_and_weights_are_had_there_too():
    _, check = on_both((1, 3, 16, 16))
    check.invariance("rotation")
    assert check.weights()


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_left_on_the_device(name):
    model, x = net().to(DEVICE), torch.rand(2, 3, 16, 16, device=DEVICE)
    before = copy.deepcopy(model.state_dict())
    drawn = torch.cuda.get_rng_state()
    METHODS[name](ModelCheck(model, x))
    after = model.state_dict()
    assert all(t.device.type == DEVICE and torch.equal(t, before[key]) for key, t in after.items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(torch.cuda.get_rng_state(), drawn)
    assert model.training


def test_the_report_says_which_device_it_was():
    torch.zeros(1, device=DEVICE)
    assert torch_environment()["CUDA device"] == torch.cuda.get_device_name()

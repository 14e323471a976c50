"""On a CUDA device: how far its answers are from the host's, and nothing else moves."""

import copy

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

pytestmark = pytest.mark.cuda
DEVICE = "cuda"
NEAR = 0.01  # of the output's scale: convolutions in TF32


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)
    ).eval()


def test_the_devices_answer_is_near_and_the_model_stays_where_it_is():
    model = net()
    before = copy.deepcopy(model.state_dict())
    seen = ModelCheck(model, torch.randn(2, 3, 8, 8)).drift(DEVICE)
    assert seen.max_error < NEAR
    after = model.state_dict()
    assert all(t.device.type == "cpu" and torch.equal(t, before[name]) for name, t in after.items())


@pytest.mark.parametrize(
    "against", ["bfloat16", "float64", "autocast", "channels_last", "one_by_one", "compile", "export"]
)
def test_a_model_on_the_device_and_its_variants(against):
    check = ModelCheck(net(), input_size=(2, 3, 8, 8), device=DEVICE)
    assert check.drift(against).max_error < 10 * NEAR
    assert {p.device.type for p in check.subject.module.parameters()} == {DEVICE}


def test_the_same_question_has_the_same_answer():
    assert ModelCheck(net(), input_size=(2, 3, 8, 8), device=DEVICE).drift("repeated").max_error < NEAR


def test_what_is_stored_of_its_outputs_fits_the_hosts():
    model, x = net(), torch.randn(2, 3, 8, 8)
    here = ModelCheck(model, x).outputs().to_dict()
    there = ModelCheck(copy.deepcopy(model).to(DEVICE), x.to(DEVICE)).outputs().to_dict()
    assert here.keys() == there.keys()

"""Grad-CAM against captum and torchcam, on raw maps before any normalisation."""

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

from .networks import CASES, build

captum = pytest.importorskip("captum.attr")
torchcam = pytest.importorskip("torchcam.methods")
models = pytest.importorskip("torchvision.models")


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return build(request.param, 96)


def distance(ours: np.ndarray, theirs: torch.Tensor) -> float:
    expected = theirs.detach().numpy()
    return float(np.abs(ours - expected).max() / np.abs(expected).max())


def test_captum_agrees(case):
    model, layer, images = case
    ours = ModelCheck(model, images).gradcam(target=3, layer=layer)
    attribution = captum.LayerGradCam(model, model.get_submodule(layer)).attribute(images, target=3)
    assert distance(ours.raw, attribution[:, 0]) < 1e-5


def test_captum_agrees_on_a_target_for_each_sample(case):
    model, layer, images = case
    ours = ModelCheck(model, images).gradcam(target=[3, 7], layer=layer)
    attribution = captum.LayerGradCam(model, model.get_submodule(layer)).attribute(
        images, target=torch.tensor([3, 7])
    )
    assert distance(ours.raw, attribution[:, 0]) < 1e-5


def test_torchcam_agrees(case):
    model, layer, images = case
    ours = ModelCheck(model, images).gradcam(target=3, layer=layer)
    with torchcam.GradCAM(model, layer) as extractor:
        (theirs,) = extractor(3, model(images), normalized=False)
    assert distance(np.maximum(ours.raw, 0), theirs) < 1e-5


def test_gap_and_linear_heads_give_the_class_activation_map():
    """For global average pooling and a linear layer, Grad-CAM x (H W) is Zhou's CAM (2016)."""
    torch.manual_seed(0)
    body, head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    images = torch.randn(2, 3, 9, 9)
    ours = ModelCheck(model, images).gradcam(target=2, layer="0")
    cam = torch.einsum("c,nchw->nhw", head.weight[2], body(images)) / 49
    assert distance(ours.raw, cam) < 1e-5

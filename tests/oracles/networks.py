"""Networks that all oracles look at: functional and module ReLUs, Hardswish, GELU."""

import pytest
import torch

models = pytest.importorskip("torchvision.models")

CASES = {  # name -> target layer, options
    "resnet18": ("layer4", {}),
    "mobilenet_v3_small": ("features", {}),
    "googlenet": ("inception5b", {"init_weights": False, "aux_logits": False}),
    "convnext_tiny": ("features", {}),
    "vgg11": ("features.20", {"init_weights": False}),
}


def build(name: str, size: int):
    """The network, its target layer, and two random images of that size."""
    torch.manual_seed(0)
    layer, options = CASES[name]
    return models.get_model(name, weights=None, **options).eval(), layer, torch.randn(2, 3, size, size)

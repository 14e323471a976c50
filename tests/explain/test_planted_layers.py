"""The default layer is the one that a person would choose, its map is right, and the result says why."""

import re

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

from .planted import by_hand, far, last_first, made, tokens, told
from .planted_layers import EARLY, IMAGES, LAYERS, Layered, Vision


def check(planted: Layered) -> tuple[nn.Module, ModelCheck]:
    model = made(planted.build, planted.name)
    return model, ModelCheck(model, planted.inputs)


def pictures(planted: Layered) -> torch.Tensor:
    return planted.inputs[0] if isinstance(planted.inputs, tuple) else planted.inputs


@pytest.mark.parametrize("planted", LAYERS, ids=repr)
def test_default_layer(planted):
    model, subject = check(planted)
    heatmap = subject.gradcam(target=planted.target)
    assert heatmap.layer in planted.layers
    assert heatmap.raw.shape == (2, *planted.grid)
    assert heatmap.map.shape == (2, *pictures(planted).shape[2:])
    if planted.form is not None:
        score = planted.target if callable(planted.target) else (lambda out: out[:, planted.target])
        assert far(heatmap.raw, by_hand(model, planted.inputs, heatmap.layer, score, planted.form)) < 1e-4


@pytest.mark.parametrize(
    "planted", [p for p in LAYERS if p.name in ("class token", "segmentation", "mask branch")], ids=repr
)
def test_the_result_says_why_this_layer(planted):
    _, subject = check(planted)
    assert subject.gradcam(target=planted.target).why
    assert subject.gradcam(target=planted.target, layer=planted.layers[0]).why == ""


@pytest.mark.parametrize("method", ["eigencam", "layercam", "hirescam", "ablation_cam", "score_cam"])
def test_every_method_takes_the_same_layer(method):
    for planted in (
        p for p in LAYERS if p.name in ("class token", "text tower of 64 tokens", "map of positions")
    ):
        _, subject = check(planted)
        assert getattr(subject, method)(target=1).layer in planted.layers


@pytest.mark.parametrize("layer", ["blocks.1.softmax", "blocks.1.drop"])
def test_an_attention_matrix_is_no_map_where_it_is_named(layer):
    said = told(lambda: ModelCheck(made(lambda: Vision(16, 1, True)), IMAGES).gradcam(target=1, layer=layer))
    assert "(2, 2, 17, 17)" in said


@pytest.mark.parametrize(("name", "build", "layer"), EARLY, ids=[row[0] for row in EARLY])
def test_the_early_layer_looks_at_the_picture(name, build, layer):
    seen = ModelCheck(made(build), IMAGES).invariance("translation", values=[0, 0.1])
    assert next(iter(seen.distance)) == layer


def vit():
    from torchvision.models import VisionTransformer

    model = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=4)
    nn.init.normal_(model.heads.head.weight)
    return model


def swin():
    from torchvision.models import SwinTransformer

    return SwinTransformer([2, 2], 8, [2, 2], [1, 2], [4, 4], num_classes=4)


def convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=4)


def maxvit():
    from torchvision.models import MaxVit

    return MaxVit((32, 32), 8, 4, [8, 16], [1, 1], 4, 0.0, num_classes=4)


def resnet():
    from torchvision.models.resnet import BasicBlock, ResNet

    return ResNet(BasicBlock, [1, 1, 1, 1], num_classes=4)


def segmentation():
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    return lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=4)


def mean_of_class(out):
    return out["out"][:, 1].mean((1, 2))


TORCHVISION = {
    "VisionTransformer": (vit, 32, 1, r"encoder\.layers\.encoder_layer_1\.ln_1", (4, 4), tokens(4, 4, 1)),
    "SwinTransformer": (swin, 32, 1, r"features\.3(\.1)?(\.norm\d)?|features|norm|permute", (8, 8), None),
    "ConvNeXt": (convnext, 32, 1, r"features.*", (4, 4), None),
    "MaxVit": (maxvit, 32, 1, r"blocks\.1.*", (4, 4), None),
    "ResNet": (resnet, 64, 1, r"layer4(\.0)?(\.\w+)?", (2, 2), lambda a: a),
    "LRASPP": (segmentation, 64, mean_of_class, r"backbone.*|classifier\.cbr.*", None, lambda a: a),
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_networks(name):
    pytest.importorskip("torchvision")
    build, size, target, layer, grid, form = TORCHVISION[name]
    model, images = made(build), torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    heatmap = ModelCheck(model, images).gradcam(target=target)
    assert re.fullmatch(layer, heatmap.layer), heatmap.layer
    assert grid is None or heatmap.raw.shape == (2, *grid)
    score = target if callable(target) else (lambda out: out[:, target])
    forms = [form] if form else [lambda a: a, last_first]
    assert min(far(heatmap.raw, by_hand(model, images, heatmap.layer, score, f)) for f in forms) < 1e-4

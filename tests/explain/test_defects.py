"""Heatmap snapshots at the default preset: no alarm at harmless changes, alarm at defects, on two trained networks."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from shapes import load_trained, render, to_tensor

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.explain.compare import PRESETS, StoredMap, compare

from .lite0 import CAT, cat, lite0


def shapes():
    model = load_trained()
    batch = torch.stack([to_tensor(render(label, 2_000_001 + label)) for label in range(4)])
    return model, batch[2:3], 2, "relu3", batch, (0.0, 64 / 127.5)


def lite():
    return lite0(), cat(), CAT, "_bn1", torch.cat([cat(), cat().flip(3)]), (127 / 255, 128 / 255)


def train_mode(name):
    def spoil(model):
        norm = model.get_submodule(name)
        norm.forward = lambda x: F.batch_norm(x, None, None, norm.weight, norm.bias, True, 0.0, norm.eps)

    return spoil


def reinitialised(name):
    def spoil(model):
        torch.manual_seed(1)
        model.get_submodule(name).reset_parameters()

    return spoil


def no_residual(model):
    block = model._blocks[-2]
    block.id_skip = False
    assert block._block_args.id_skip
    block._block_args = block._block_args._replace(id_skip=False)


NETWORKS = {
    "SimpleConv3": (shapes, [train_mode("bn2"), reinitialised("conv3"), reinitialised("fc2")]),
    "EfficientNet-Lite0": (
        lite,
        [
            train_mode("_blocks.5._bn1"),
            reinitialised("_blocks.8._project_conv"),
            reinitialised("_conv_head"),
            no_residual,
        ],
    ),
}


def raw(model, images, target, layer, sample=0) -> np.ndarray:
    return ModelCheck(model, images).gradcam(target=target, layer=layer).raw[sample, None]


def noise(model):
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(1 + 1e-6 * torch.randn(p.shape, generator=generator))
    return model


def harmless(model, images, target, layer, batch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    try:
        yield "threads", raw(model, images, target, layer)
    finally:
        torch.set_num_threads(threads)
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    yield "channels_last", raw(last, images.contiguous(memory_format=torch.channels_last), target, layer)
    yield "batch", raw(model, torch.cat([images, batch]), target, layer)
    yield "batch order", raw(model, torch.cat([batch, images]), target, layer, sample=-1)
    yield "another image beside it", raw(model, torch.cat([images, -images]), target, layer)
    yield "noise of 1e-6", raw(noise(copy.deepcopy(model)), images, target, layer)
    with torch.autocast("cpu", torch.bfloat16):
        yield "autocast", raw(model, images, target, layer)


def defects(model, images, target, layer, scale, spoilers):
    mean, std = scale
    yield "not normalised", raw(model, images * std + mean, target, layer)
    yield "BGR", raw(model, images.flip(1), target, layer)
    second = model(images).topk(2).indices[0, 1].item()
    yield "second class", raw(model, images, second, layer)
    for index, spoil in enumerate(spoilers):
        spoiled = copy.deepcopy(model)
        spoil(spoiled)
        yield f"spoiled {index}", raw(spoiled, images, target, layer)


@pytest.mark.parametrize("name", NETWORKS)
def test_no_alarm_at_harmless_changes_and_alarm_at_defects(name, record_property):
    make, spoilers = NETWORKS[name]
    model, images, target, layer, batch, scale = make()
    expected = StoredMap(raw(model, images, target, layer), {})

    def alarms(seen, preset):
        return {what: not compare(StoredMap(m, {}), expected, preset).matches for what, m in seen.items()}

    fine = dict(harmless(model, images, target, layer, batch))
    broken = dict(defects(model, images, target, layer, scale, spoilers))
    for preset in PRESETS:
        false, caught = alarms(fine, preset), alarms(broken, preset)
        counts = f"{sum(false.values())} of {len(false)} false alarms, {sum(caught.values())} of {len(caught)} caught"
        record_property(f"{name}, {preset}", counts)
        print(
            f"{name}, {preset}: {counts}",
            [k for k, v in false.items() if v],
            [k for k, v in caught.items() if not v],
        )
    assert not any(alarms(fine, "default").values())
    assert all(alarms(broken, "default").values())

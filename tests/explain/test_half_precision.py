"""Snapshots in half precision: stable beside each other, and no stand-in for those of single precision."""

import contextlib
import copy

import pytest
import torch
from shapes import load_trained, render, to_tensor

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.explain.compare import PRESETS, StoredMap, compare

METHODS = ["gradcam", "gradcam_plus_plus", "hirescam", "layercam"]
LAYERS = ["conv2", "relu3"]
PICTURES = torch.stack([to_tensor(render(label, 2_000_001 + label)) for label in range(4)])


def single(model, images):
    return model, images, contextlib.nullcontext()


def weights(model, images):
    return copy.deepcopy(model).bfloat16(), images.bfloat16(), contextlib.nullcontext()


def autocast(model, images):
    return model, images, torch.autocast("cpu", torch.bfloat16)


def explained(how, images, method, layer, target=2):
    model, images, mode = how(load_trained(), images)
    with mode:
        return StoredMap(getattr(ModelCheck(model, images), method)(target=target, layer=layer).raw[-1:], {})


@pytest.mark.parametrize("how", [weights, autocast])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("method", METHODS)
def test_no_alarm_where_both_sides_ran_alike(how, layer, method):
    expected = explained(how, PICTURES[2:3], method, layer)
    last = PICTURES[2:3].contiguous(memory_format=torch.channels_last)
    for images in (PICTURES[:3], last, PICTURES[[3, 1, 2]]):
        assert compare(explained(how, images, method, layer), expected).matches


def test_half_precision_moves_maps_further_than_a_defect_does():
    """Why no preset is wide enough for both: it would take swapped colours for rounding."""
    moved, spoiled = [], []
    for layer in LAYERS:
        for method in METHODS[::3]:
            for picture in PICTURES.split(1):
                expected = explained(single, picture, method, layer)
                moved.append(compare(explained(weights, picture, method, layer), expected))
                spoiled.append(compare(explained(single, picture.flip(1), method, layer), expected))
    a, b = PRESETS["default"]
    missed = [c for c in spoiled if c.matches]
    wide = max(c.correlation_distance for c in moved), max(c.max_change for c in moved)
    hidden = [c for c in spoiled if c.correlation_distance <= wide[0] and c.max_change <= wide[1]]
    assert wide[0] > a
    assert wide[1] > b
    assert len(hidden) > len(missed)

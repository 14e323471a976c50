"""The network looks at the shape, and goes on looking there."""

import numpy as np
import pytest
import torch
from shapes import CLASSES, Sample, render, to_tensor

from .conftest import SEED

MARGIN = 5  # pixels: half a cell of the feature map


def points_at_shape(heat: np.ndarray, sample: Sample) -> bool:
    """Whether the hottest pixel lies on the shape's box (the pointing game of Zhang et al. 2016)."""
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    left, top, right, bottom = sample.box
    return left - MARGIN <= column < right + MARGIN and top - MARGIN <= row < bottom + MARGIN


@pytest.mark.parametrize("label", range(len(CLASSES)), ids=CLASSES)
def test_the_map_is_on_the_shape(modelcheck, model, label, heatmap_snapshot) -> None:
    sample = render(label, SEED + label)
    heatmap = modelcheck(model, to_tensor(sample)[None], name="trained").gradcam(target=label, layer="relu3")
    assert points_at_shape(heatmap.map[0], sample)
    assert heatmap == heatmap_snapshot


def test_most_maps_are_on_the_shape(modelcheck, model) -> None:
    samples = [render(i % 4, SEED + 100 + i) for i in range(200)]
    pictures = torch.stack([to_tensor(sample) for sample in samples])
    check = modelcheck(model, pictures, name="trained, 200 pictures")
    heatmap = check.gradcam(target=[sample.label for sample in samples], layer="relu3")
    hits = np.mean([points_at_shape(heat, sample) for heat, sample in zip(heatmap.map, samples, strict=True)])
    check.show("Pointing game", f"{hits:.0%} of 200 maps have their hottest pixel on the shape")
    assert hits > 0.8

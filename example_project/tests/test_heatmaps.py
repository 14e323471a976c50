"""The network looks at the shape, and goes on looking there."""

import pytest
import torch
from shapes import CLASSES, render, to_tensor

from .conftest import SEED

MARGIN = 5  # pixels: half a cell of the feature map


@pytest.mark.parametrize("label", range(len(CLASSES)), ids=CLASSES)
def test_the_map_is_on_the_shape(modelcheck, model, label, heatmap_snapshot) -> None:
    sample = render(label, SEED + label)
    heatmap = modelcheck(model, to_tensor(sample)[None], name="trained").gradcam(target=label, layer="relu3")
    assert heatmap.points_at(sample.box, margin=MARGIN).all()
    assert heatmap == heatmap_snapshot


def test_most_maps_are_on_the_shape(modelcheck, model) -> None:
    samples = [render(i % 4, SEED + 100 + i) for i in range(200)]
    pictures = torch.stack([to_tensor(sample) for sample in samples])
    check = modelcheck(model, pictures, name="trained, 200 pictures")
    heatmap = check.gradcam(target=[sample.label for sample in samples], layer="relu3")
    hits = heatmap.points_at([sample.box for sample in samples], margin=MARGIN).mean()
    check.show("Pointing game", f"{hits:.0%} of 200 maps have their hottest pixel on the shape")
    assert hits > 0.8

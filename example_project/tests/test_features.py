"""What the features see, how they came to be, and how the answer holds when the shape moves."""

import pytest
import torch
from shapes import CLASSES, render, to_tensor
from shapes.model import WEIGHTS

from .conftest import SEED

CHECKPOINTS = sorted((WEIGHTS.parent / "evolution").glob("step*.safetensors"))
LAYERS = ["conv1", "relu3"]


@pytest.mark.invariance_budget("rotation", min_probability=0.3, layers=LAYERS, target=[0, 1, 2, 3])
@pytest.mark.invariance_budget(
    "translation", max_feature_shift=1.6, layers=LAYERS, values=[-0.1, -0.05, 0, 0.05, 0.1]
)
def test_a_turned_shape_stays_what_it_is() -> None: ...


def test_quarter_turns(modelcheck) -> None:
    turned = modelcheck.invariance("rotation", layers=LAYERS, target=[0, 1, 2, 3], values=[0, 90, 180, 270])
    assert min(map(min, turned.probability)) > 0.3


def test_early_layers_settle_before_late_ones(modelcheck) -> None:
    """A short run of training (`--checkpoints`), not the one that made the weights."""
    seen = modelcheck.feature_evolution(CHECKPOINTS, layers=LAYERS, strict=False)
    first, last = (seen.distances[layer] for layer in LAYERS)
    assert sum(first) < sum(last)
    assert first[-1] == last[-1] == 0


def test_what_the_strongest_features_see(modelcheck, model) -> None:
    pictures = torch.stack([to_tensor(render(i % len(CLASSES), SEED + 500 + i)) for i in range(24)])
    found = modelcheck(model, pictures, name="trained, 24 pictures").strongest_activations(LAYERS)
    assert all(activation.patch.size <= (15, 15) for activation in found.layers["relu3"])


def test_the_map_is_faithful(modelcheck) -> None:
    found = modelcheck.faithfulness(modelcheck.gradcam(target=[0, 1, 2, 3], layer="relu3"))
    assert found.insertion.mean() > found.deletion.mean()

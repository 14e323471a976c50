"""The two fixtures that pytest-modelcheck looks for."""

import pytest
import torch
from shapes import CLASSES, Sample, SimpleConv3, load_trained, render, to_tensor
from torch import Tensor

SEED = 2_000_001  # apart from all pictures of training; test_most_maps_are_on_the_shape tells how often maps miss


@pytest.fixture(scope="session")
def model() -> SimpleConv3:
    return load_trained()


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    """One picture of each class."""
    return [render(label, SEED + label) for label in range(len(CLASSES))]


@pytest.fixture(scope="session")
def example_inputs(samples: list[Sample]) -> Tensor:
    return torch.stack([to_tensor(sample) for sample in samples])

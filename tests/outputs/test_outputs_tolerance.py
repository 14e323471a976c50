"""Output snapshots at the default tolerance: no alarm at harmless changes, alarm at defects, on trained networks.

All ways to run, and many more changes: `benchmarks/output_snapshot.py`.
"""

import copy

import pytest
import torch

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs.stored import from_text, to_text
from pytest_modelcheck.checks.outputs.tolerance import differences

from ..explain.test_defects import lite, no_residual, reinitialised, shapes, train_mode


@pytest.fixture(autouse=True)
def one_thread():
    """On a busy machine two of them wait for each other, which costs more than the model."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def answers(model, images):
    return ModelCheck(model, images).outputs()


def harmless(model, images):
    torch.set_num_threads(2)
    try:
        yield "threads", answers(model, images)
    finally:
        torch.set_num_threads(1)
    last = copy.deepcopy(model).to(memory_format=torch.channels_last)
    yield "channels_last", answers(last, images.contiguous(memory_format=torch.channels_last))


def defects(model, images, scale, spoilers):
    mean, std = scale
    yield "not normalised", answers(model, images * std + mean)
    yield "BGR", answers(model, images.flip(1))
    yield "a pixel to the right", answers(model, images.roll(1, 3))
    for number, spoil in enumerate(spoilers):
        spoiled = copy.deepcopy(model)
        spoil(spoiled)
        yield f"spoiled {number}", answers(spoiled, images)


def eps(model):
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-4


def rounded(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.bfloat16())


NETWORKS = {
    "SimpleConv3": (shapes, [train_mode("bn2"), reinitialised("fc2"), eps, rounded]),
    "EfficientNet-Lite0": (
        lite,
        [train_mode("_blocks.5._bn1"), no_residual, rounded],
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_no_alarm_at_harmless_changes_and_alarm_at_defects(name):
    make, spoilers = NETWORKS[name]
    model, images, *_, scale = make()
    images = images[..., ::2, ::2] if images.shape[-1] > 128 else images
    stored = from_text(to_text(answers(model, images)))
    alarms = [what for what, found in harmless(model, images) if differences(found, stored)]
    caught = {
        what: bool(differences(found, stored)) for what, found in defects(model, images, scale, spoilers)
    }
    assert not alarms
    assert [what for what, was in caught.items() if not was] == []

"""The textbook network: every figure by hand, and nothing left behind."""

import pytest
import torch
from shapes import SimpleConv3

from pytest_modelcheck import ModelCheck

from ..test_observe import photograph, same

MODULES = {  # name: (MACs, parameters, output shape)
    "conv1": (12 * 23 * 23 * 27, 336, (1, 12, 23, 23)),
    "bn1": (0, 24, (1, 12, 23, 23)),
    "conv2": (24 * 11 * 11 * 108, 2616, (1, 24, 11, 11)),
    "bn2": (0, 48, (1, 24, 11, 11)),
    "conv3": (48 * 5 * 5 * 216, 10416, (1, 48, 5, 5)),
    "bn3": (0, 96, (1, 48, 5, 5)),
    "fc1": (1200 * 1200, 1_441_200, (1, 1200)),
    "fc2": (1200 * 128, 153_728, (1, 128)),
    "fc3": (128 * 4, 516, (1, 4)),
}


@pytest.fixture
def check():
    return ModelCheck(SimpleConv3(), input_size=(1, 3, 48, 48))


def test_totals(check):
    cost = check.complexity(strict=True)
    assert (cost.macs, cost.flops, cost.params) == (2_338_340, 4_676_680, 1_608_980)
    assert cost.activations == 12 * 23 * 23 + 24 * 11 * 11 + 48 * 25 + 1200 + 128 + 4


def test_every_module(check):
    by_module = check.complexity().by_module()
    assert {
        n: (m.macs, m.params, m.facts.output_shape) for n, m in by_module.items() if n in MODULES
    } == MODULES


def test_the_summary_shows_macs_and_flops(check):
    text = str(check.summary())
    for words in (
        "fc1 (Linear)",
        "1.44 MMACs",
        "61.6 %",
        "2,338,340 MACs",
        "4.677 MFLOPs",
        "1,608,980 parameters",
    ):
        assert words in text
    columns = check.summary().columns
    fc1 = dict(
        zip(columns, next(row for row in check.summary().rows if row[0].startswith("fc1")), strict=True)
    )
    moved = 4 * (1200 + 1200 * 1200 + 1200 + 1200)  # bytes: input, weight and bias read, output written
    assert (fc1["activations"], fc1["memory access"]) == ("1.2 k", f"{moved / 2**20:.4g} MiB")
    heaviest = str(check.summary(sort_by="macs")).splitlines()[4]
    assert heaviest.startswith("fc1 (Linear)")
    assert "| conv1 (Conv2d) | 1x12x23x23 |" in check.summary().to_markdown()


@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_nothing_is_left_behind(phase):
    model = SimpleConv3().train()
    model(torch.randn(2, 3, 48, 48)).sum().backward()
    check = ModelCheck(model, input_size=(2, 3, 48, 48))
    before = photograph(model)
    check.complexity(phase=phase)
    assert same(before, photograph(model))


@pytest.mark.parametrize(
    ("name", "gmacs", "params"),
    [("resnet18", 1.814073344, 11_689_512), ("resnet50", 4.089184256, 25_557_032)],
)
def test_resnets_to_the_last_digit(name, gmacs, params):
    cost = ModelCheck(f"torchvision:{name}", input_size=(1, 3, 224, 224)).complexity()
    assert (cost.macs, cost.params) == (round(gmacs * 1e9), params)

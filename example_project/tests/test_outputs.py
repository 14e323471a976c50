"""What the network answers: the same after a refactor, much the same in bfloat16, and as it was accepted."""

from collections import OrderedDict

import pytest
from shapes import SimpleConv3
from torch import nn


def in_sequence(model: SimpleConv3) -> nn.Sequential:
    """A refactor: the same layers without a forward of their own."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for i in (1, 2, 3):
        parts |= {
            f"conv{i}": getattr(model, f"conv{i}"),
            f"bn{i}": getattr(model, f"bn{i}"),
            f"relu{i}": nn.ReLU(),
        }
    parts["flatten"] = nn.Flatten()
    for i in (1, 2):
        parts |= {f"fc{i}": getattr(model, f"fc{i}"), f"relu_fc{i}": nn.ReLU()}
    return nn.Sequential(parts | {"fc3": model.fc3})


def test_a_refactor_answers_the_same_bit_for_bit(modelcheck, model) -> None:
    assert modelcheck.drift(in_sequence(model)).bit_for_bit


@pytest.mark.drift_budget("2 %", against="bfloat16", min_agreement="100 %")
def test_bfloat16_is_good_enough() -> None: ...


def test_the_answers_are_those_that_were_accepted(modelcheck, output_snapshot) -> None:
    assert modelcheck.outputs() == output_snapshot

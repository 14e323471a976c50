"""Peaks by hand."""

from torch import nn

from pytest_modelcheck import ModelCheck


def test_by_hand():
    model = nn.Sequential(nn.Linear(10, 1000), nn.ReLU(), nn.Linear(1000, 10))
    peak = ModelCheck(model, input_size=(1, 10)).peak_memory()
    assert peak.activations == 2 * 4000  # the ReLU's input and output
    assert peak.at == "1"
    assert peak.parameters == 4 * (10_000 + 1000 + 10_000 + 10)
    assert peak.total == peak.activations + peak.parameters + 40

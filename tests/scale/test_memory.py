"""A run of many models holds few of them: what nobody else holds is gone after its test."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.profiler.budgets import OperatorBudget

from .projects import LIVING, LOG, PER_MODEL, TESTS, logged, many

GROWTH = 100e6  # bytes that a run may grow by from its 30th test to its 300th
FLAT = 1.2  # the last third of the tests in CPU time of the first


class Net(nn.Module):
    """Small, and all that methods look for: a convolution, weights, a read by the host."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.fc = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 3)
        nn.init.ones_(self.fc.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = self.relu(self.conv(x))
        maps.tolist()
        return self.fc(maps.mean((2, 3)))


def budget(kind, **options):
    """What tests share of a budget's measurement."""
    return lambda check: kind().observe(check.subject, **options)


METHODS = {
    "complexity": lambda check: check.complexity(phase="training_step"),
    "summary": lambda check: check.summary(),
    "peak_memory": lambda check: check.peak_memory(phase="training_step"),
    "profile": lambda check: check.profile(),
    "operator_budget": budget(OperatorBudget),
    "structure": lambda check: check.structure(),
    "weights": lambda check: check.weights(),
    "outputs": lambda check: check.outputs(),
    "gradcam": lambda check: check.gradcam(target=0),
    "ablation_cam": lambda check: check.ablation_cam(target=0),
    "guided_backprop": lambda check: check.guided_backprop(target=0),
    "invariance": lambda check: check.invariance("translation"),
    "faithfulness": lambda check: check.faithfulness(check.gradcam(target=1)),
    "drift": lambda check: check.drift(Net().eval()),
    "onnx": lambda check: check.onnx(),
    "compile": lambda check: check.compile(),
}
DEAR = ("faithfulness", "invariance", "onnx")  # seconds each


@pytest.mark.parametrize(
    "method",
    [
        pytest.param(method, id=name, marks=pytest.mark.slow if name in DEAR else ())
        for name, method in METHODS.items()
    ],
)
def test_a_model_that_nobody_holds_is_gone(method):
    model = Net().eval()
    alive = weakref.ref(model)
    method(ModelCheck(model, torch.rand(1, 3, 8, 8)))
    del model
    gc.collect()
    assert alive() is None


RED = """
@pytest.mark.params_budget("1 k")
def test_red(): ...
"""


def test_no_test_keeps_its_model(project):
    """Those with snapshots, which syrupy keeps until the end, and red ones included."""
    folder = project.pytester.path
    many(folder, 1, LOG + LIVING, tests=RED + TESTS)
    result = project.run("-q", "--snapshot-update", "--modelcheck-report")
    result.assert_outcomes(passed=PER_MODEL, failed=1)
    assert (folder / "living.txt").read_text() == "0"


@pytest.mark.slow
def test_three_hundred_tests_grow_little_and_each_takes_its_time(tmp_path):
    many(tmp_path, 30)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--modelcheck-report"]
    for more in ("--snapshot-update", "-q"):
        (tmp_path / "log.txt").unlink(missing_ok=True)
        subprocess.run([*command, more], cwd=tmp_path, check=True, capture_output=True)
    took, sizes = zip(*logged(tmp_path), strict=True)
    assert len(took) == 300
    assert sizes[-1] - sizes[29] < GROWTH
    assert sum(took[200:]) / sum(took[:100]) < FLAT

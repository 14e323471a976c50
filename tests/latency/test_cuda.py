"""On a CUDA device: events as the clock, and memory that ends."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck
from pytest_modelcheck.checks.latency.clock import CudaClock

pytestmark = pytest.mark.cuda


def check(width: int = 64, **keywords) -> ModelCheck:
    return ModelCheck(nn.Linear(width, width), input_size=(8, width), device="cuda", **keywords)


def test_the_clock_is_the_devices():
    seen = check().latency(cap=2)
    assert seen.clock == "CUDA events"
    assert 0 < seen.median.value <= seen.wall_median.value
    assert seen.environment["device"] == torch.cuda.get_device_name()


@pytest.mark.parametrize("stream", [None, "its own"])
def test_it_waits_until_the_device_is_done(stream):
    """On whatever stream: of one of its own the model does not tell when it is done."""
    a = torch.randn(4096, 4096, device="cuda")
    other = torch.cuda.Stream() if stream else torch.cuda.current_stream()
    torch.cuda.synchronize()

    def products():
        with torch.cuda.stream(other):
            out = a
            for _ in range(20):
                out = out @ a
            return out

    products()
    torch.cuda.synchronize()
    device, wall = CudaClock(torch.device("cuda")).measure(products)
    work = 20 * 2 * 4096**3
    assert work / device < 3e15  # no device computes that fast: it did not only measure the launch
    assert wall >= device * 0.99


@pytest.mark.parametrize("phase", ["backward", "training_step"])
def test_other_phases(phase):
    assert check().latency(phase=phase, cap=2).median.value > 0


def test_a_comparison():
    verdict = check(512).latency_against(check(512), max_regression="50%", cap=10)
    assert verdict.outcome in ("pass", "inconclusive")
    assert "CUDA events" in " ".join(verdict.measurement.notes)


def test_a_batch_size_that_does_not_fit():
    class Large(nn.Module):
        def forward(self, x):
            return x.repeat(1 << 20, 1 << 14)

    with pytest.raises(MeasurementError, match="batch size 64 does not fit into memory"):
        ModelCheck(Large(), input_size=(1, 4), device="cuda").latency(batch_sizes=[64])

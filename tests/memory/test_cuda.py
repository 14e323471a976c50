"""On a CUDA device: what its allocator says, beside the live tensors."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

pytestmark = pytest.mark.cuda


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(1024, 4096), nn.ReLU(), nn.Linear(4096, 1024))


@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_the_allocator_agrees_with_the_live_tensors(phase):
    check = ModelCheck(net(), input_size=(256, 1024), device="cuda")
    seen = check.peak_memory(phase=phase, optimizer="AdamW")
    assert seen.allocator == "torch.cuda.max_memory_allocated"
    assert seen.counted_on == "fake"
    assert seen.allocated == pytest.approx(seen.total, rel=0.01)


def test_as_torch_cuda_counts():
    model, x = net().cuda(), torch.randn(256, 1024, device="cuda")
    with torch.no_grad():
        model(x)
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        model(x)
        torch.cuda.synchronize()
        plain = torch.cuda.max_memory_allocated() - before
    seen = ModelCheck(model, x).peak_memory()
    assert seen.allocated - seen.parameters - seen.inputs == plain


def test_it_need_not_run():
    check = ModelCheck(net(), input_size=(256, 1024), device="cuda")
    assert check.peak_memory(measured=False).allocated is None

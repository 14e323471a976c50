"""On a CUDA device: its kernels are in the profile."""

import gzip

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

pytestmark = pytest.mark.cuda


def test_kernels_are_in_times_and_trace(tmp_path):
    model = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 8)).cuda().eval()
    x = torch.randn(64, 512, device="cuda")
    seen = ModelCheck(model, x).profile()
    modules = seen.by_module()
    assert 0 < modules["0"].device_time <= modules[""].device_time
    assert modules[""].device_time == pytest.approx(seen.device_seconds, rel=0.05)
    trace = gzip.decompress(seen.export_chrome_trace(tmp_path / "t.json.gz").read_bytes())
    assert b'"cat": "kernel"' in trace
    assert not [name for name in seen.counts if name.startswith("void ")]  # a kernel is no operator


def test_counts_and_flops_are_those_of_torch_profiler():
    model, x = nn.Linear(64, 64).cuda().eval(), torch.randn(8, 64, device="cuda")
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.inference_mode():
        model(x)
        with torch.profiler.profile(activities=activities, with_flops=True, record_shapes=True) as plain:
            model(x)
    seen, averages = ModelCheck(model, x).profile(), plain.key_averages()
    assert {k: n for k, n in seen.counts.items() if k.startswith("aten::")} == {
        a.key: a.count for a in averages if a.key.startswith("aten::")
    }
    assert seen.flops == sum(a.flops for a in averages) > 0


def test_a_hidden_synchronisation_is_found():
    class Net(nn.Module):
        def forward(self, x):
            return x * 2 if x.sum().item() > 0 else x

    seen = ModelCheck(Net(), input_size=(1, 3), device="cuda").profile()
    assert seen.host_syncs().value == 1

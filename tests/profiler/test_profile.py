"""Counts are torch.profiler's own."""

import gzip
import json

import pytest
import torch
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck


def test_counts_and_flops_are_those_of_torch_profiler(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4)).eval()
    x = torch.randn(1, 3, 8, 8)
    with torch.inference_mode():
        model(x)
        with torch.profiler.profile(with_flops=True, record_shapes=True) as plain:
            model(x)
    ours = ModelCheck(model, x).profile()
    assert ours.counts == {a.key: a.count for a in plain.key_averages() if "::" in a.key}
    assert ours.flops == sum(a.flops for a in plain.key_averages()) == 2 * (8 * 27 * 36 + 288 * 4)
    with gzip.open(ours.export_chrome_trace(tmp_path / "trace.json.gz")) as file:
        assert any("aten::conv2d" in str(e.get("name")) for e in json.load(file)["traceEvents"])


def test_a_profiler_that_is_active_already():
    check = ModelCheck(nn.ReLU(), torch.ones(1))
    with torch.profiler.profile(), pytest.raises(MeasurementError, match="active already"):
        check.profile()


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ("operator_budget('aten::relu', 1)", True),
        ("operator_budget('aten::relu', 0)", False),
        ("operator_budget('aten::*', 1)", False),
        ("forbid_host_sync()", True),
    ],
)
def test_markers(pytester, marker, holds):
    pytester.makepyfile(
        "import pytest\nfrom torch import nn\n"
        f"@pytest.mark.modelcheck(model=nn.ReLU, input_size=(1, 3))\n@pytest.mark.{marker}\ndef test_it(): ..."
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=int(holds), failed=int(not holds))


def test_a_hidden_synchronisation_is_found(pytester):
    pytester.makepyfile(
        """
import pytest
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum().item() > 0 else x

@pytest.mark.forbid_host_sync(model=Net, input_size=(1, 3))
def test_it(): ...
"""
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*aten::_local_scalar_dense*"])

"""What makes the host wait for the device, by operator and, where none runs on a CPU, by function; and where it is."""

import os
import sys

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.errors import NothingSeenError
from pytest_modelcheck.model import kineto

from ..features import needs_profilers_in_turn


class Net(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.layer, self.what = nn.Linear(4, 4), what

    def forward(self, x):
        y = self.layer(x)
        self.what(y)
        return y


def profile(what):
    return ModelCheck(nn.Sequential(nn.ReLU(), Net(what)), torch.randn(6, 4)).profile()


WAITS = {
    "item": (lambda x: x.sum().item(), "aten::_local_scalar_dense"),
    "bool": (lambda x: bool(x.sum() > 0), "aten::_local_scalar_dense"),
    "format": (lambda x: f"{x.sum():.2f}", "aten::_local_scalar_dense"),
    "tolist": (lambda x: x.tolist(), "Tensor.tolist"),
    "cpu": (lambda x: x.cpu(), "Tensor.cpu"),
    "to": (lambda x: x.to("cpu"), "Tensor.to"),
    "to a device": (lambda x: x.to(device="cpu"), "Tensor.to"),
    "numpy": (lambda x: x.numpy(), "Tensor.numpy"),
    "asarray": (np.asarray, "Tensor.__array__"),
    "a function of numpy": (np.square, "Tensor.__array__"),
    "nonzero": (lambda x: x.nonzero(), "aten::nonzero"),
    "where": (lambda x: torch.where(x > 0), "aten::nonzero"),
    "mask": (lambda x: x[x > 0], "aten::nonzero"),
    "masked_select": (lambda x: torch.masked_select(x, x > 0), "aten::masked_select"),
    "unique": (lambda x: torch.unique(x), "aten::_unique2"),
    "bincount": (lambda x: torch.bincount(x[:, 0].abs().long()), "aten::bincount"),
}


@pytest.mark.parametrize(("what", "name"), WAITS.values(), ids=WAITS.keys())
def test_what_makes_the_host_wait(what, name):
    seen = profile(what)
    assert seen.waits | seen.reads.counts == {name: 1}
    found = seen.host_syncs()
    assert [(part.module, part.value) for part in found.contributors] == [("1", 1)]
    (place,) = found.notes
    assert "in '1', test_host.py:" in place


def test_nms_is_one():
    ops = pytest.importorskip("torchvision.ops")
    assert profile(lambda x: ops.nms(x.abs(), x[:, 0], 0.5)).host_syncs().value == 1


@pytest.mark.parametrize(
    "what",
    [
        lambda x: x * 2,
        lambda x: x.to(x.device),
        lambda x: x.to(torch.float64),
        lambda x: torch.where(x > 0, x, 0.0),
        lambda x: x[:, torch.tensor([0, 1])],
        lambda x: list(x),
        lambda x: x.shape[0],
    ],
)
def test_what_does_not(what):
    found = profile(what).host_syncs()
    assert (found.value, found.notes) == (0, ())


def test_what_only_the_first_call_reads_is_not_counted():
    read = []
    assert profile(lambda x: read or read.append(x.tolist())).host_syncs().value == 0


def begun_and_left(x):
    torch.profiler.profile().start()


def anew(x):
    torch.autograd._disable_profiler()
    config = torch._C._profiler._ExperimentalConfig()
    kind = torch.autograd.ProfilerState.KINETO
    torch.autograd._enable_profiler(
        torch.autograd.ProfilerConfig(kind, False, False, False, False, False, config),
        {torch.autograd.ProfilerActivity.CPU},
    )


def within(make):
    def what(x):
        with make():
            return x * 2

    return what


@pytest.mark.parametrize(
    "what",
    [
        within(torch.profiler.profile),
        within(torch.autograd.profiler.profile),
        within(lambda: torch.autograd.profiler.profile(use_kineto=False)),
        within(torch.autograd.profiler_legacy.profile),
        within(torch.autograd.profiler.emit_itt),
        begun_and_left,
        pytest.param(
            lambda x: anew(x) if torch._C._autograd._profiler_enabled() else None,
            marks=needs_profilers_in_turn,
        ),
    ],
    ids=[
        "torch.profiler",
        "autograd",
        "without kineto",
        "legacy",
        "emit_itt",
        "left on",
        "in the place of ours",
    ],
)
def test_a_model_with_a_profiler_of_its_own_is_never_counted(what):
    try:
        with pytest.raises(NothingSeenError, match="the model opens a profiler itself"):
            profile(what)
    finally:
        while torch._C._autograd._profiler_enabled():
            torch.autograd._disable_profiler()


def test_ranges_of_the_model_are_no_profiler():
    assert profile(within(lambda: torch.profiler.record_function("mine"))).calls_of("aten::mul").value == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open descriptors are listed in /proc")
def test_wherever_it_is_interrupted_no_descriptor_stays_open():
    """At each instruction of it in turn."""
    stderr, count, seen = os.fstat(2).st_ino, len(os.listdir("/proc/self/fd")), 0
    finished = False
    while not finished:
        finished, seen = _interrupted_at(seen), seen + 1
        assert (os.fstat(2).st_ino, len(os.listdir("/proc/self/fd"))) == (stderr, count), seen
    assert seen > 100


def _interrupted_at(instruction):
    left = instruction

    def trace(frame, event, arg):
        nonlocal left
        if frame.f_code.co_filename != kineto.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # else Python 3.12 tells of none
    sys.settrace(trace)
    try:
        with kineto.quiet():
            os.write(2, b"")
    except KeyboardInterrupt:
        return False
    finally:
        sys.settrace(before)
    return True

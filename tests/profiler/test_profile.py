"""Counts are torch.profiler's own."""

import gzip
import json
import os
import re

import pytest
import torch
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck, ModelRunError
from pytest_modelcheck.model.kineto import quiet

models = pytest.importorskip("torchvision.models")
resnet18, VisionTransformer = models.resnet18, models.VisionTransformer


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 8, 3), nn.ReLU()

    def forward(self, x):
        return self.act(self.conv(x)) + 1


def net() -> nn.Module:
    return nn.Sequential(Block(), nn.Flatten(), nn.Linear(8 * 36, 4)).eval()


X = torch.ones(1, 3, 8, 8)


@pytest.mark.parametrize(
    ("build", "size"),
    [(net, 8), (resnet18, 64), (lambda: VisionTransformer(32, 16, 2, 4, 64, 128), 32)],
    ids=["net", "resnet18", "transformer"],
)
def test_counts_and_flops_are_those_of_torch_profiler(build, size):
    model, x = build().eval(), torch.randn(1, 3, size, size)
    with torch.inference_mode():
        model(x)
        with torch.profiler.profile(with_flops=True, record_shapes=True, profile_memory=True) as plain:
            model(x)
    ours, averages = ModelCheck(model, x).profile(), plain.key_averages()
    assert ours.counts == {a.key: a.count for a in averages if "::" in a.key}
    assert ours.flops == sum(a.flops for a in averages) > 0
    if torch.__version__ >= (2, 7):  # torch 2.6 tells memory otherwise from run to run
        assert {a.key: a.cpu_memory_usage for a in ours.operators} == {
            a.key: a.cpu_memory_usage for a in averages if "::" in a.key
        }


def test_flops_by_hand():
    assert ModelCheck(net(), X).profile().flops == 2 * (8 * 27 * 36 + 288 * 4) + 8 * 36  # and the addition


@pytest.mark.parametrize(
    ("pattern", "parts", "notes"),
    [
        ("aten::convolution", {"0.conv": 1}, ()),
        ("aten::add", {"0": 1}, ()),
        ("aten::*onvolution", {"0.conv": 2}, None),
        ("aten::nonzero", {}, ()),
    ],
)
def test_calls_are_those_of_modules(pattern, parts, notes):
    found = ModelCheck(net(), X).profile().calls_of(pattern)
    assert {part.module: part.value for part in found.contributors} == parts
    assert found.value == sum(parts.values())
    assert found.notes == notes if notes is not None else "1 of aten::convolution" in found.notes


def test_modules_have_their_own_time_and_memory():
    seen = ModelCheck(net(), X).profile()
    modules = seen.by_module()
    assert list(modules) == ["", "0", "0.conv", "0.act", "1", "2"]
    assert all(m.calls == 1 and 0 <= m.self_time <= m.time for m in modules.values())
    assert modules[""].time == pytest.approx(sum(m.self_time for m in modules.values()))
    assert modules["0"].time == pytest.approx(
        sum(modules[name].self_time for name in ("0", "0.conv", "0.act"))
    )
    assert modules[""].time >= seen.seconds  # operators and what is between them
    assert modules["2"].memory == 4 * 4  # its output
    assert modules["0.conv"].memory == modules["0.act"].memory == 4 * 8 * 36


def test_tables():
    seen = ModelCheck(net(), X).profile(stacks=True)
    assert "aten::conv2d" in seen.table()
    assert "Total" in seen.table(sort_by="cpu_memory_usage")
    assert "module:" not in seen.table(row_limit=-1)
    assert "[1, 3, 8, 8]" in seen.by_shape(row_limit=-1)
    assert "test_profile.py" in seen.by_stack(depth=12, row_limit=-1)
    first, second, *_ = seen.module_table(sort_by="name").splitlines()
    assert first.split() == ["module", "calls", "total", "self", "device", "memory"]
    assert second.startswith("(the model itself)")


def test_the_trace_can_be_written_as_often_as_one_likes(tmp_path):
    seen = ModelCheck(net(), X).profile(tensorboard=tmp_path / "logs")
    (logged,) = (tmp_path / "logs").iterdir()
    assert re.fullmatch(r".+_\d+\.\d{15,}\.pt\.trace\.json\.gz", logged.name)
    packed, plain = (seen.export_chrome_trace(tmp_path / "new" / name) for name in ("t.json.gz", "t.json"))
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes() == gzip.decompress(logged.read_bytes())
    names = [str(event.get("name")) for event in json.loads(plain.read_text())["traceEvents"]]
    assert {"aten::conv2d", "module: 0.conv"} <= set(names)


def test_a_loop_over_real_data():
    model = net()
    one = ModelCheck(model, X).profile()
    check = ModelCheck(model)  # needs no inputs of its own
    with check.profile(steps=3, wait=1, warmup=1) as step, torch.inference_mode():
        for turn in range(6):
            model(X)
            step()
            assert step.done == (turn >= 4)
    assert step.result.steps == 3
    assert step.result.counts == {name: 3 * n for name, n in one.counts.items()}
    assert step.result.flops == 3 * one.flops
    assert step.result.by_module()["0.conv"].calls == 3
    assert "3 steps under torch.profiler" in str(step.result)


def test_a_loop_that_ends_early_has_what_it_saw():
    model = net()
    with ModelCheck(model).profile(steps=5, warmup=0) as step, torch.inference_mode():
        for _ in range(2):
            model(X)
            step()
    assert (step.result.steps, step.result.by_module()["0"].calls) == (2, 2)


def test_a_loop_without_a_step_that_counts():
    with ModelCheck(net()).profile(steps=2, wait=1, warmup=1) as step:
        step()
    with pytest.raises(MeasurementError, match="called step\\(\\) 1 times, and the first 2 are for waiting"):
        _ = step.result


def test_a_loop_that_raises_ends_its_profiler():
    with pytest.raises(RuntimeError), ModelCheck(net()).profile(steps=2):
        net()(torch.ones(1, 2))
    assert not torch.autograd._profiler_enabled()
    ModelCheck(net(), X).profile()


@pytest.mark.parametrize("keywords", [{"steps": 0}, {"steps": 2.0}, {"steps": 1, "wait": -1}])
def test_steps_that_are_none(keywords):
    with pytest.raises(MeasurementError, match="not a whole number from"):
        ModelCheck(net()).profile(**keywords)


@pytest.mark.parametrize(
    "ask",
    [
        lambda check: check.profile(threads=0),
        lambda check: check.latency(threads=-1),
        lambda check: check.latency(threads=0),
        lambda check: check.profile(steps=2, threads=1),
        lambda check: check.profile().module_table("nonsense"),
    ],
)
def test_what_makes_no_sense_is_told(ask):
    with pytest.raises(MeasurementError, match=r"threads=|'nonsense' is not one of 'name', 'calls'"):
        ask(ModelCheck(nn.Linear(2, 2), input_size=(1, 2)))


@pytest.mark.parametrize(
    "profile", [lambda check: check.profile(), lambda check: check.profile(steps=1).__enter__()]
)
def test_a_profiler_that_is_active_already(profile):
    check = ModelCheck(net(), X)
    with torch.profiler.profile(), pytest.raises(MeasurementError, match="active already"):
        profile(check)


def test_a_model_that_raises():
    with pytest.raises(ModelRunError, match="in module '2'"):
        ModelCheck(net(), input_size=(1, 3, 9, 9)).profile()
    assert not torch.autograd._profiler_enabled()


def test_nothing_is_left_behind():
    model = net().train()
    threads = torch.get_num_threads()
    ModelCheck(model, X).profile(threads=1)
    assert model.training
    assert torch.get_num_threads() == threads
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_chatter_stays_off_the_terminal_and_errors_do_not(capfd):
    ModelCheck(net(), X).profile()
    assert capfd.readouterr().err == ""
    with quiet():
        os.write(2, b"USDT:2026-01-01 00:00:00 1:1 Handler.cpp:39] profiler_start\nERROR: no space left\n")
    assert capfd.readouterr().err == "ERROR: no space left\n"


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

"""Sampling until decided, on a clock that follows a script: no test here waits or times anything."""

import gc
import itertools
import json

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from pytest_modelcheck import MeasurementError, ModelCheck, ModelRunError, SubjectError
from pytest_modelcheck.checks.latency.budgets import LatencyBudget
from pytest_modelcheck.checks.latency.clock import clock_for
from pytest_modelcheck.checks.latency.compare import (
    compare_latency,
    compare_sides,
    read_comparison,
    slowdown_decided,
    slowdown_limit,
)
from pytest_modelcheck.checks.latency.measure import measure
from pytest_modelcheck.checks.latency.paired import Side, partners
from pytest_modelcheck.model.subject import build_subject
from pytest_modelcheck.verdict.judge import Outcome, decides, judge
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.message import explain

from ..catalogue import metric


class ScriptedClock:
    """Each call takes the next of `times` seconds."""

    name = "a script"

    def __init__(self, *times: float) -> None:
        self.times, self.time = itertools.cycle(times), 0.0

    def now(self) -> float:
        return self.time

    def measure(self, call) -> tuple[float, float]:
        seconds = call() if callable(call) else 0
        seconds = seconds if isinstance(seconds, float) else next(self.times)
        self.time += seconds
        return seconds, seconds


def net(**keywords):
    return build_subject(nn.Linear(4, 2), input_size=(3, 4), **keywords)


@pytest.mark.parametrize(
    ("device", "threads", "clock"),
    [("cpu", 1, "thread CPU time"), ("cpu", 2, "wall time"), ("mps", 1, "wall time, synchronised")],
)
def test_which_clock_counts(device, threads, clock):
    assert clock_for(torch.device(device), threads).name == clock


@pytest.mark.parametrize(
    ("times", "outcome"),
    [((0.03,), Outcome.PASS), ((0.05,), Outcome.FAIL), ((0.03, 0.05), Outcome.INCONCLUSIVE)],
)
def test_a_budget_is_decided_or_said_to_be_undecided(times, outcome):
    limit = Limit(metric("latency"), max=0.04)
    clock = ScriptedClock(*times)
    seen = measure(
        net(), clock=clock, decided=lambda latency: decides(limit, LatencyBudget().read(latency, limit))
    )
    assert judge("net", limit, LatencyBudget().read(seen, limit)).outcome is outcome
    assert (len(seen.samples) > 500) == (outcome is Outcome.INCONCLUSIVE)  # went on to the cap of 30 s


@pytest.mark.parametrize(
    ("seconds", "most", "outcome"),
    [
        (3.0, 10.0, Outcome.PASS),
        (3.0, 1.0, Outcome.FAIL),
        (9.0, 20.0, Outcome.ERROR),
        (0.2, 1.0, Outcome.PASS),
    ],
)
def test_slow_calls_end_within_the_cap_and_one_call(seconds, most, outcome):
    limit, clock = Limit(metric("latency"), max=most), ScriptedClock(seconds)
    seen = measure(net(), clock=clock, decided=lambda at: decides(limit, LatencyBudget().read(at, limit)))
    assert clock.time <= 30 + seconds
    verdict = judge("net", limit, LatencyBudget().read(seen, limit))
    assert verdict.outcome is outcome
    assert ("misleads once in 50" in str(seen)) == (seconds > 1)
    assert ("Use a smaller input" in verdict.error) == (outcome is Outcome.ERROR)
    assert "inf" not in str(seen) + explain(verdict)
    json.dumps(seen.to_dict(), allow_nan=False)


def test_slow_calls_without_a_limit_get_an_interval_where_there_is_time():
    for seconds, least in ((0.5, 6), (3.0, 21), (12.0, 24)):
        clock = ScriptedClock(seconds)
        seen = measure(net(), clock=clock)
        assert least <= clock.time <= 30 + seconds
        assert ("too few calls for an interval" in str(seen.median)) == (seconds == 12.0)
    clock = ScriptedClock(3.0)
    measure(net(), clock=clock, cap=1.0)
    assert clock.time <= 1 + 3 * 3  # one under watch, one to warm up, one that counts


def test_throughput_is_items_at_the_median():
    seen = measure(net(), clock=ScriptedClock(0.03))
    assert seen.throughput.value == pytest.approx(100)
    assert seen.median.interval == (0.03, 0.03)
    assert "100 per second (100 to 100)" in str(seen)


@pytest.fixture
def nothing_frozen():
    """As in a user's run; ours has frozen what it loaded."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.mark.usefixtures("nothing_frozen")
@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_nothing_is_left_behind(phase):
    model = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    subject = build_subject(model, input_size=(3, 4))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    collecting = gc.isenabled(), gc.get_freeze_count()
    measure(subject, phase=phase, clock=ScriptedClock(0.1))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert (gc.isenabled(), gc.get_freeze_count()) == collecting


def checkpointed(reentrant):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head, self.runs = nn.Linear(4, 4), nn.Linear(4, 2), 0

        def inner(self, x):
            Net.runs += 1
            return self.layer(x)

        def forward(self, x):
            x = x.detach().requires_grad_()
            return self.head(checkpoint(self.inner, x, use_reentrant=reentrant))

    Net.runs = 0
    return Net()


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("phase", ["backward", "training_step"])
def test_the_backward_runs_through_checkpoints(phase, reentrant):
    model, clock = checkpointed(reentrant), ScriptedClock(0.1)
    stepped = []
    for p in model.parameters():
        p.grad = torch.ones_like(p)
        p.register_post_accumulate_grad_hook(stepped.append)
    grads = [p.grad for p in model.parameters()]
    runs = []  # of the layer, after each call

    def measured(call, measure=clock.measure):
        call()
        runs.append(type(model).runs)
        return measure(None)

    clock.measure = measured
    measure(build_subject(model, input_size=(3, 4)), phase=phase, clock=clock)
    assert runs == [2 * (n + 2) for n in range(len(runs))]  # again in each backward; one call was under watch
    assert all(
        p.grad is g and torch.equal(g, torch.ones_like(g))
        for p, g in zip(model.parameters(), grads, strict=True)
    )
    assert not stepped
    model(torch.ones(3, 4)).sum().backward()
    assert len(stepped) == 4  # the user's hooks are there again


def test_a_model_that_raises_in_its_tenth_call():
    class Tired(nn.Module):
        calls = 0

        def forward(self, x):
            type(self).calls += 1
            if self.calls == 10:
                raise ValueError("enough")
            return x

    with pytest.raises(ModelRunError, match=r"(?s)ValueError.*enough.*It was call 10"):
        ModelCheck(Tired(), input_size=(1, 2)).latency(clock=ScriptedClock(0.1))


@pytest.mark.parametrize("phase", ["backward", "training_step"])
def test_a_model_without_anything_to_differentiate_is_told_so(phase):
    class Detached(nn.Linear):
        def forward(self, x):
            return super().forward(x).detach()

    with pytest.raises(MeasurementError, match="nothing to differentiate"):
        measure(build_subject(Detached(4, 2), input_size=(3, 4)), phase=phase, clock=ScriptedClock(1.0))


def test_a_comparison_of_models_needs_inputs():
    with pytest.raises(SubjectError, match="no example inputs"):
        compare_latency(nn.Linear(2, 2), nn.Linear(2, 2))


def test_nothing_is_timed_where_nothing_is_computed():
    check = ModelCheck(nn.Linear(4, 2), input_size=(3, 4), device="meta")
    for time in (check.latency, lambda: check.latency_against(check)):
        with pytest.raises(MeasurementError, match="meta device"):
            time()


def test_a_sweep_over_batch_sizes():
    seen = ModelCheck(nn.Linear(4, 2), input_size=(3, 4)).latency(
        batch_sizes=[1, 8], clock=ScriptedClock(0.1)
    )
    assert [one.batch for one in seen] == [1, 8]
    assert seen[1].throughput.value == pytest.approx(80)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_a_batch_size_that_is_none(size):
    with pytest.raises(MeasurementError, match="batch size"):
        ModelCheck(nn.Linear(4, 2), input_size=(3, 4)).latency(batch_sizes=[size])


def test_a_batch_size_that_does_not_fit():
    class Large(nn.Module):
        def forward(self, x):
            if len(x) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return x

    with pytest.raises(MeasurementError, match="batch size 8 does not fit into memory"):
        ModelCheck(Large(), input_size=(3, 4)).latency(batch_sizes=[8], clock=ScriptedClock(0.1))


def test_inputs_that_do_not_fit():
    with pytest.raises(MeasurementError, match=f"batch size {10**15} do not fit into memory"):
        ModelCheck(nn.Linear(4, 2), input_size=(3, 4)).latency(batch_sizes=[10**15])


@pytest.mark.parametrize(
    ("slowdown", "outcome"),
    [(0.0, Outcome.PASS), (0.05, Outcome.FAIL), (0.10, Outcome.FAIL), (-0.2, Outcome.PASS)],
)
def test_paired_comparison(slowdown, outcome):
    a, b = Side((), lambda copies: lambda: 0.01), Side((), lambda copies: lambda: 0.01 * (1 + slowdown))
    limit = slowdown_limit("5%")
    seen = compare_sides(a, b, slowdown_decided("5%"), clock=ScriptedClock(0.0))
    assert seen.regression == pytest.approx(slowdown)
    assert judge("b", limit, read_comparison(seen)).outcome is outcome


@pytest.mark.parametrize(
    ("seconds", "slowdown", "outcome"),
    [(0.2, 0.0, Outcome.PASS), (0.2, 0.1, Outcome.FAIL), (1.0, 0.1, Outcome.FAIL), (4.0, 0.1, Outcome.ERROR)],
)
def test_slow_calls_are_compared_in_fewer_turns(seconds, slowdown, outcome):
    a, b = (Side((), lambda copies, s=s: lambda: s) for s in (seconds, seconds * (1 + slowdown)))
    clock = ScriptedClock(0.0)
    seen = compare_sides(a, b, slowdown_decided("5%"), clock=clock)
    verdict = judge("b", slowdown_limit("5%"), read_comparison(seen))
    assert verdict.outcome is outcome
    assert clock.time <= 30 + 4 * seconds * (1 + slowdown)
    assert (
        ("use a smaller input" in str(seen))
        == ("smaller input" in verdict.error)
        == (outcome is Outcome.ERROR)
    )
    assert "inf" not in str(seen) + explain(verdict)
    json.dumps(seen.to_dict(), allow_nan=False)


def test_a_comparison_that_cannot_tell_is_inconclusive_at_its_cap():
    noise = itertools.cycle([0.008, 0.01, 0.012, 0.009, 0.013])
    limit = slowdown_limit("5%")
    side = Side((), lambda copies: (lambda seconds: lambda: seconds)(next(noise)))
    seen = compare_sides(side, side, slowdown_decided("5%"), clock=ScriptedClock(0.0), cap=5)
    assert seen.elapsed >= 5
    assert judge("b", limit, read_comparison(seen)).outcome is Outcome.INCONCLUSIVE


def test_equal_tensors_are_shared_once_each():
    x, y = torch.ones(3), torch.zeros(3)
    assert partners([x, y, x.clone()], [torch.ones(3), torch.ones(3), torch.ones(3), torch.zeros(3)]) == [
        0,
        2,
        None,
        1,
    ]


class Cache:
    """An input that pytree does not know."""

    def __init__(self, length):
        self.keys, self.place = torch.zeros(length, 4), torch.tensor(length)


class Step(nn.Module):
    """Notes in a file what it finds in the cache: whatever it kept itself would be put back."""

    def __init__(self, notes, grows):
        super().__init__()
        self.layer, self.notes, self.grows = nn.Linear(4, 4), str(notes), grows

    def forward(self, x, cache):
        with open(self.notes, "a") as notes:
            notes.write(f"{len(cache.keys)},{int(cache.place)} ")
        if self.grows or len(cache.keys) == 8:
            cache.keys = torch.cat([cache.keys, x])
            cache.place += 1
        return self.layer(x) @ cache.keys.T


@pytest.mark.parametrize("paired", [False, True], ids=["alone", "in pairs"])
@pytest.mark.parametrize("grows", [True, False], ids=["grows", "is filled once"])
def test_each_call_finds_the_cache_that_was_given(tmp_path, grows, paired):
    """Else a growing context is timed, not the one that the user gave; what is filled once is timed filled."""
    cache, model = Cache(8), Step(tmp_path / "notes", grows)
    inputs = torch.randn(1, 4), cache
    if paired:
        compare_latency(model, Step(tmp_path / "others", grows), inputs, cap=0.1)
    else:
        measure(ModelCheck(model, inputs).subject, cap=0.05, warmup=0)
    first, second, *rest = (tmp_path / "notes").read_text().split()
    assert (first, second) == ("8,8", "9,9")
    assert set(rest) <= {"8,8", "9,9"}
    if grows:  # a pair is built anew, and tried, for each chunk
        assert 8 * rest.count("9,9") < rest.count("8,8")
    assert (len(cache.keys), int(cache.place)) == (8, 8)

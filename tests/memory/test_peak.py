"""Peaks by hand, and what is said of them. Against other tools: tests/oracles/test_memory.py."""

import functools
import signal
import sys

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from pytest_modelcheck import MeasurementError, ModelCheck, ModelRunError
from pytest_modelcheck.checks.memory import live
from pytest_modelcheck.checks.memory.budgets import PeakMemoryBudget
from pytest_modelcheck.checks.memory.metrics import PEAK_MEMORY
from pytest_modelcheck.checks.memory.phase import make_optimizer
from pytest_modelcheck.checks.memory.result import thinned
from pytest_modelcheck.model.apart import in_a_fork
from pytest_modelcheck.verdict.limit import Limit


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(10, 1000), nn.ReLU(), nn.Linear(1000, 10))


WEIGHTS = 4 * (10_000 + 1000 + 10_000 + 10)


def test_forward():
    peak = ModelCheck(net(), input_size=(1, 10)).peak_memory()
    assert peak.activations == 2 * 4000  # the ReLU's input and output
    assert (peak.at, peak.during, peak.saved) == ("1", "forward", 0)
    assert peak.parameters == WEIGHTS
    assert peak.total == peak.activations + peak.parameters + 40
    assert peak.holders == {"0": 4000, "1": 4000}
    assert peak.timeline[0] == (0, WEIGHTS + 40)
    assert max(size for _, size in peak.timeline) == peak.total


def test_what_the_forward_leaves_for_the_backward():
    peak = ModelCheck(net(), input_size=(1, 10)).peak_memory(phase="backward")
    assert peak.saved == 4000 + 40  # the ReLU's output and the last one: a ReLU needs no input
    assert peak.during == "backward"


@pytest.mark.parametrize(("phase", "optimizer"), [("forward", None), ("training_step", "AdamW")])
def test_the_heaviest_module_is_the_one_with_the_weights(phase, optimizer):
    model = nn.Sequential(nn.Linear(10, 2000), nn.ReLU(), nn.Linear(2000, 1))
    peak = ModelCheck(model, input_size=(1, 10)).peak_memory(phase=phase, optimizer=optimizer or "SGD")
    found = PeakMemoryBudget().read(peak, Limit(PEAK_MEMORY, max=1))
    parts = {part.module: part.value for part in found.contributors}
    assert sum(parts.values()) == found.value
    assert next(iter(parts)) == "0"
    assert parts["(the inputs)"] == 40
    assert (
        parts["0"] >= (4 if optimizer else 1) * 4 * 22_000
    )  # weights; with AdamW gradients and two states too


@pytest.mark.parametrize(
    ("optimizer", "state"),
    [
        ("SGD", 0),
        (lambda p: torch.optim.SGD(p, momentum=0.9), WEIGHTS),
        ("AdamW", 2 * WEIGHTS + 4 * 4),  # and a step for each of four parameters
    ],
)
def test_a_step_has_the_state_of_its_optimizer(optimizer, state):
    peak = ModelCheck(net(), input_size=(1, 10)).peak_memory(phase="training_step", optimizer=optimizer)
    assert peak.optimizer_state == state
    assert peak.total >= 2 * WEIGHTS + state
    assert [name for name, _ in peak.parts] == ["forward", "backward", "optimizer step"]
    assert peak.optimizer == ("AdamW" if optimizer == "AdamW" else "SGD")


def test_all_gradients_are_there_in_the_step():
    peak = ModelCheck(net(), input_size=(1, 10)).peak_memory(phase="training_step", optimizer="AdamW")
    assert (peak.during, peak.gradients) == ("optimizer step", WEIGHTS)
    assert peak.where == "the optimizer's step"


def test_the_backward_of_a_layer_belongs_to_it():
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.Conv2d(1, 64, 1, bias=False), nn.Conv2d(64, 1, 1))
    assert ModelCheck(model, input_size=(1, 1, 64, 64)).peak_memory(phase="backward").at == "2"


def test_a_step_of_all_parameters_at_once_needs_more():
    one, all_ = (
        ModelCheck(net(), input_size=(1, 10)).peak_memory(
            phase="training_step",
            optimizer=lambda p, foreach=foreach: torch.optim.AdamW(p, foreach=foreach),
        )
        for foreach in (False, True)
    )
    assert all_.counted_on == one.counted_on == "fake"
    assert all_.activations > one.activations  # every parameter's square root, not one's
    assert isinstance(make_optimizer("AdamW", torch.device("cuda")), functools.partial)


def test_nothing_at_all():
    peak = ModelCheck(nn.Identity(), torch.empty(0)).peak_memory()
    assert (peak.total, peak.at) == (0, "")


def test_tied_parameters_count_once():
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
    model[1].weight = model[0].weight
    peak = ModelCheck(model, input_size=(1, 8)).peak_memory(phase="training_step", optimizer="AdamW")
    assert (peak.parameters, peak.optimizer_state) == (256, 2 * 256 + 4)


class Picks(nn.Module):
    def forward(self, x):
        return x[x > 0] * 2


def test_shapes_that_depend_on_data_are_run_for_real():
    peak = ModelCheck(Picks(), torch.tensor([1.0, -1.0, 2.0])).peak_memory()
    assert peak.counted_on == "real"
    assert peak.activations == 8 + 8  # two picked, and doubled (the mask of three bytes is gone)
    assert "DynamicOutputShape" in peak.reason


def test_scripted_models_run_for_real():
    peak = ModelCheck(torch.jit.script(nn.Linear(4, 4)), input_size=(1, 4)).peak_memory()
    assert (peak.counted_on, peak.activations) == ("real", 16)


def test_what_the_allocator_says():
    seen = ModelCheck(net(), input_size=(1, 10)).peak_memory(measured=True)
    assert seen.allocated == seen.total  # no kernel here takes scratch
    assert "allocated" in str(seen)
    assert ModelCheck(net(), input_size=(1, 10)).peak_memory().allocated is None


@pytest.mark.parametrize("measured", [False, True])
@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_nothing_is_left_behind(phase, measured):
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout())
    x = torch.randn(3, 4)
    before = {name: tensor.clone() for name, tensor in [*model.state_dict().items(), ("x", x)]}
    random = torch.random.get_rng_state()
    ModelCheck(model, x).peak_memory(phase=phase, optimizer="AdamW", measured=measured)
    assert all(torch.equal(before[name], t) for name, t in [*model.state_dict().items(), ("x", x)])
    assert all(p.grad is None and not p._post_accumulate_grad_hooks for p in model.parameters())
    assert torch.equal(random, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"phase": "sideways"}, "phase='sideways' is not one of"),
        ({"phase": "training_step", "optimizer": "Adom"}, "optimizer='Adom' is no optimizer"),
        ({"phase": "training_step", "optimizer": "Optimizer"}, "is no optimizer"),
    ],
)
def test_words_that_are_not_known(keywords, words):
    with pytest.raises(MeasurementError, match=words):
        ModelCheck(net(), input_size=(1, 10)).peak_memory(**keywords)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ("LBFGS", "a step of LBFGS cannot be made"),
        (lambda p: torch.optim.SGD(p, lr=-1), "cannot be made: Inv"),
    ],
)
def test_an_optimizer_that_does_not_fit(optimizer, words):
    with pytest.raises(MeasurementError, match=words):
        ModelCheck(net(), input_size=(1, 10)).peak_memory(phase="training_step", optimizer=optimizer)


@pytest.mark.parametrize("model", [nn.ReLU(), nn.Linear(2, 2).requires_grad_(False)])
def test_nothing_to_train(model):
    with pytest.raises(MeasurementError, match="nothing to train"):
        ModelCheck(model, input_size=(1, 2)).peak_memory(phase="backward")


def test_a_model_that_raises():
    with pytest.raises(ModelRunError, match="raised RuntimeError in its forward, in module '0'"):
        ModelCheck(net(), input_size=(1, 11)).peak_memory()


def test_a_profiler_that_is_active_already():
    check = ModelCheck(net(), input_size=(1, 10))
    with torch.profiler.profile(), pytest.raises(MeasurementError, match="active already"):
        check.peak_memory(measured=True)


def test_the_record_keeps_the_peak_of_a_long_timeline():
    points = [(i, (i * 7919) % 1000) for i in range(10_000)]
    kept = thinned(points)
    assert len(kept) <= 250
    assert max(size for _, size in kept) == max(size for _, size in points)
    assert [point[0] for point in kept] == sorted(point[0] for point in kept)
    assert thinned(points[:50]) == [list(point) for point in points[:50]]


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first, self.second = (nn.Sequential(nn.Linear(64, 64, bias=False), nn.Tanh()) for _ in range(2))
        self.reentrant = reentrant

    def forward(self, x):
        x = checkpoint(self.first, x, use_reentrant=self.reentrant)
        return checkpoint(self.second, x, use_reentrant=self.reentrant)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize(("optimizer", "state"), [("SGD", 0), ("Adam", 2 * 2 * 16384 + 2 * 4)])
def test_checkpoints_by_hand(reentrant, optimizer, state):
    x = torch.randn(1024, 64, requires_grad=True)
    model = Checkpointed(reentrant)
    seen = []
    for grads in (False, True):
        for p in model.parameters():
            p.grad = torch.ones_like(p) if grads else None
        peak = ModelCheck(model, x).peak_memory(phase="training_step", optimizer=optimizer, measured=True)
        seen.append((peak.total, peak.activations, peak.gradients))
        assert peak.parameters == 2 * 16384
        assert peak.optimizer_state == state
        # results and gradients of 256 KiB: re-entrant the output, that of the first block and the same made again, the
        # gradients of both its layers; else it is in the second block's backward, without a third gradient
        assert peak.activations == (5 if reentrant else 4) * 262144 + 16384 + 2 * 4
        assert 0 <= peak.allocated - peak.total <= 2 * 5056  # states of generators, which are no tensors
    assert seen[0] == seen[1]


def interrupted_as_a_device_is_asked_for(turn: int) -> str:
    """What comes of it, the `turn`-th time."""
    left = turn

    def strike(frame, event, argument):
        nonlocal left
        of_ours = frame.f_code.co_filename == live.__file__
        if event == "call" and of_ours and frame.f_locals.get("func") is torch.ops.prim.device.default:
            left -= 1
            if not left:
                sys.setprofile(None)
                signal.getsignal(signal.SIGINT)(signal.SIGINT, frame)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3)
    check = ModelCheck(nn.Sequential(*layers), input_size=(2, 3, 8, 8))
    sys.setprofile(strike)
    try:
        check.peak_memory(phase="backward")
    except KeyboardInterrupt:
        return "too early" if left else "interrupted"
    finally:
        sys.setprofile(None)
    return "not interrupted"


@pytest.mark.parametrize("turn", [1, 2])
def test_an_interrupt_where_torch_asks_for_a_device_does_not_end_the_process(turn):
    """C++ asks, where nothing may raise."""
    assert in_a_fork(functools.partial(interrupted_as_a_device_is_asked_for, turn)) == "interrupted"

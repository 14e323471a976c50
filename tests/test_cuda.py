"""On a CUDA device: what must be as on the host, and what must be as it was before."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.records.environment import torch_environment

from .test_held import METHODS

pytestmark = pytest.mark.cuda
DEVICE = "cuda"


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return nn.Sequential(*layers, nn.Linear(8, 4))


def on_both(size: tuple[int, ...] = (2, 3, 16, 16)) -> tuple[ModelCheck, ModelCheck]:
    model, x = net(), torch.rand(size)
    return ModelCheck(model, x), ModelCheck(copy.deepcopy(model).to(DEVICE), x.to(DEVICE))


@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
def test_counts_are_those_of_the_host(phase):
    host, device = (check.complexity(phase=phase) for check in on_both())
    assert device.flops == host.flops > 0
    assert device.memory_access == host.memory_access
    assert not device.unknown_operators


def test_the_structure_is_that_of_the_host():
    host, device = (check.structure() for check in on_both())
    assert host.diff(device) == []


@pytest.mark.parametrize("method", ["gradcam", "layercam", "score_cam", "guided_backprop"])
def test_a_heatmap_is_that_of_the_host(method):
    options = {} if method == "guided_backprop" else {"layer": "0"}
    host, device = (getattr(check, method)(target=1, **options) for check in on_both((1, 3, 16, 16)))
    assert host.raw.shape == device.raw.shape
    assert abs(host.map - device.map).max() < 0.05


def test_it_exports():
    pytest.importorskip("onnxruntime")
    _, check = on_both()
    assert check.onnx().max_relative_error < 0.01


def test_invariance_and_weights_are_had_there_too():
    _, check = on_both((1, 3, 16, 16))
    check.invariance("rotation")
    assert check.weights()


@pytest.mark.parametrize("name", METHODS)
def test_nothing_is_left_on_the_device(name):
    model, x = net().to(DEVICE), torch.rand(2, 3, 16, 16, device=DEVICE)
    before = copy.deepcopy(model.state_dict())
    drawn = torch.cuda.get_rng_state()
    METHODS[name](ModelCheck(model, x))
    after = model.state_dict()
    assert all(t.device.type == DEVICE and torch.equal(t, before[key]) for key, t in after.items())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(torch.cuda.get_rng_state(), drawn)
    assert model.training


def test_the_report_says_which_device_it_was():
    torch.zeros(1, device=DEVICE)
    assert torch_environment()["CUDA device"] == torch.cuda.get_device_name()


class Decides(nn.Module):
    """It cannot be counted on meta: a backward of real tensors of the device runs on a thread of autograd's."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        return self.second(x) if x.sum().item() != 0 else x


class Checkpointed(Decides):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(checkpoint(self.first, x, use_reentrant=False))


@pytest.mark.parametrize("phase", ["backward", "training_step"])
@pytest.mark.parametrize("kind", [Decides, Checkpointed])
def test_a_backward_of_real_tensors_is_that_of_the_host(kind, phase):
    host, device = (ModelCheck(kind(), input_size=(4, 16), device=where) for where in ("cpu", DEVICE))
    counts = [check.complexity(phase=phase) for check in (host, device)]
    assert [count.counted_on for count in counts] == ["real", "real"]
    assert counts[0].flops == counts[1].flops > 0
    modules = [{name: row.flops for name, row in count.by_module().items()} for count in counts]
    assert modules[0] == modules[1]


def test_a_checkpoint_in_the_backward_runs_on_no_foreign_thread():
    model = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return checkpoint(self.inner, x, use_reentrant=False)

    host, device = (
        ModelCheck(Net(), input_size=(4, 16), device=where).peak_memory(phase="training_step")
        for where in ("cpu", DEVICE)
    )
    assert device.total == host.total
    assert not device.unseen


class Plain(nn.Module):
    """It has no tensor of its own, and so no device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ x


@pytest.mark.parametrize(
    "check",
    [
        lambda: ModelCheck(Plain(), input_size=(64, 64), device=DEVICE),
        lambda: ModelCheck(Plain(), torch.ones(64, 64, device=DEVICE)),
    ],
    ids=["asked for", "its inputs'"],
)
def test_a_model_without_tensors_is_where_it_runs(check):
    made = check()
    assert made.subject.device.type == made.subject.inputs.tensors[0].device.type == DEVICE
    assert made.latency(cap=0.2).clock == "CUDA events"
    assert made.peak_memory().allocator == "torch.cuda.max_memory_allocated"

"""Section 4 of the contract: whatever a model does while it is watched, nothing is left behind."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck.errors import SubjectError
from pytest_modelcheck.observe import observe


def make() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))


def photograph(model: nn.Module) -> dict:
    """All that the contract names."""
    return {
        "tensors": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "memory": {name: tensor.data_ptr() for name, tensor in model.state_dict().items()},
        "objects": [id(t) for t in (*model.parameters(), *model.buffers())],
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "training": [m.training for m in model.modules()],
        "attributes": [sorted(vars(m)) for m in model.modules()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()],
        "classes": [type(m) for m in model.modules()],
        "rng": (torch.get_rng_state(), random.getstate(), np.random.get_state()[1]),
        "modes": (torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype()),
        "fastpath": torch.backends.mha.get_fastpath_enabled(),
    }


def same(a: object, b: object) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return bool(np.array_equal(a, b)) if isinstance(a, np.ndarray) else a == b


def no_grad_write(model: nn.Module) -> None:
    with torch.no_grad():
        model[0].weight.mul_(2)
        model[4].bias.add_(1)


HARM = {
    "batch-norm statistics": lambda m: m.train()(torch.randn(2, 3, 8, 8)),
    "parameters in place": no_grad_write,
    "parameters through .data": lambda m: m[0].weight.data.fill_(7),
    "a parameter's memory": lambda m: setattr(m[0].weight, "data", torch.zeros(1)),
    "a parameter replaced": lambda m: setattr(m[0], "weight", nn.Parameter(torch.zeros(1))),
    "a buffer replaced": lambda m: setattr(m[1], "running_mean", torch.ones(4)),
    "gradients": lambda m: m(torch.randn(2, 3, 8, 8)).sum().backward(),
    "gradients in place": lambda m: [p.grad.zero_() for p in m.parameters() if p.grad is not None],
    "requires_grad": lambda m: m.requires_grad_(False),
    "training flags": lambda m: m[1].train(),
    "hooks": lambda m: m[2].register_forward_hook(lambda *_: None),
    "attributes": lambda m: setattr(m[2], "last", torch.ones(3)),
    "children": lambda m: m.append(nn.ReLU()),
    "random numbers": lambda m: (torch.rand(1), random.random(), np.random.rand()),
    "grad mode": lambda m: torch.set_grad_enabled(False),
    "threads": lambda m: torch.set_num_threads(torch.get_num_threads() + 1),
    "default dtype": lambda m: torch.set_default_dtype(torch.float64),
    "class": lambda m: setattr(m[2], "__class__", nn.GELU),
    "fast path": lambda m: torch.backends.mha.set_fastpath_enabled(False),
}


@pytest.mark.parametrize("raises", [False, True], ids=["returns", "raises"])
@pytest.mark.parametrize("with_gradients", [False, True], ids=["fresh", "mid-training"])
@pytest.mark.parametrize("harm", HARM.values(), ids=HARM.keys())
def test_nothing_is_left_behind(harm, with_gradients, raises):
    model = make()
    if with_gradients:
        model(torch.randn(2, 3, 8, 8)).sum().backward()
    before = photograph(model)

    def watch() -> None:
        with observe(model):
            harm(model)
            assert not same(before, photograph(model)), "the harm must be visible, or this test tests nothing"
            if raises:
                raise RuntimeError("the model raised")

    if harm is HARM["gradients in place"] and not with_gradients:
        pytest.skip("there are no gradients to write to")
    if raises:
        with pytest.raises(RuntimeError, match="the model raised"):
            watch()
    else:
        watch()
    assert same(before, photograph(model))


def test_a_list_that_the_model_fills_is_emptied_again():
    model = make()
    model.history = ["kept"]
    with observe(model):
        model.history.append("gone")
    assert model.history == ["kept"]


def test_the_model_is_watched_in_eval_mode():
    model = make().train()
    with observe(model):
        assert not any(module.training for module in model.modules())
    assert all(module.training for module in model.modules())


def test_inference_mode_callers_may_observe():
    model = make()
    before = photograph(model)
    with torch.inference_mode(), observe(model):
        model(torch.randn(1, 3, 8, 8))
        model[0].weight.data.mul_(2)
    assert same(before, photograph(model))


def test_lazy_parameters_are_refused():
    with pytest.raises(SubjectError, match="'weight' is not initialised"), observe(nn.LazyLinear(3)):
        pass

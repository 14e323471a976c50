"""Section 4 of the contract: whatever a model does while it is watched, nothing is left behind."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.errors import SubjectError
from pytest_modelcheck.model.guard import only_reads
from pytest_modelcheck.model.observe import observe
from pytest_modelcheck.model.parts import modules_of


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
        "children": [list(m._modules) for m in model.modules()],
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
    "the order of children": lambda m: m._modules.update({"0": m._modules.pop("0")}),
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


@pytest.mark.parametrize(
    ("kept", "fill"),
    [([], lambda v: v.append(1)), (set(), lambda v: v.add(1)), ({}, lambda v: v.update(a=1))],
    ids=["a list", "a set", "a dict"],
)
def test_what_was_empty_is_so_again(kept, fill):
    model = make()
    model.kept = kept
    with observe(model):
        fill(model.kept)
        assert kept
    assert model.kept is kept
    assert not kept


def test_an_attribute_has_its_name_again():
    model = make().eval()
    with observe(model):
        model[2].other = vars(model[2]).pop("inplace")
    assert "inplace" in vars(model[2])
    assert "other" not in vars(model[2])


BUFFERS = {
    "a scalar": lambda: torch.tensor(3.0),
    "an odd number of halves": lambda: torch.arange(7).half(),
    "none": lambda: torch.zeros(0),
    "truth": lambda: torch.tensor([True, False, True]),
    "complex": lambda: torch.arange(6).to(torch.complex128),
    "not a number": lambda: torch.full((3,), torch.nan),
    "every second": lambda: torch.arange(8.0)[::2],
    "from the second on": lambda: torch.arange(6.0)[1:],
    "transposed": lambda: torch.arange(6.0).view(2, 3).t(),
    "some 100 kB": lambda: torch.arange(25_001.0),
    "some 100 kB, from the second on": lambda: torch.arange(25_001.0)[1:],
    "some 100 kB, channels last": lambda: torch.randn(2, 3, 64, 65).to(memory_format=torch.channels_last),
}


@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "not guarded"])
@pytest.mark.parametrize("buffer", BUFFERS.values(), ids=BUFFERS.keys())
def test_buffers_of_every_kind_are_put_back(buffer, guard):
    model = nn.Module()
    for name in ("one", "two"):
        model.register_buffer(name, buffer())
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    with observe(model, guard=guard), torch.no_grad():
        model.two.zero_()
        assert model.two.numel() == 0 or not alike(model.two, before["two"])
    assert all(alike(tensor, before[name]) for name, tensor in model.named_buffers())


def alike(one, other):
    return torch.equal(one.to_dense().nan_to_num(-1), other.to_dense().nan_to_num(-1))


def test_the_modules_in_torchs_own_order():
    model = make()
    model.again, model.nothing, model.inner = model[0], None, nn.Sequential(nn.ReLU(), model)
    model.register_module("absent", None)
    assert modules_of([model.inner, model]) == [*model.inner.modules()]


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


class Writes(nn.Module):
    """Writes to its own parameter in each forward, in the way that it is told."""

    def __init__(self, how):
        super().__init__()
        self.weight, self.how = nn.Parameter(torch.ones(4, 3)), how
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x):
        with torch.no_grad():
            self.how(self)
        return x @ self.weight.T


class Doubles(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        weight.data.mul_(2)
        return x.clone()


def renormalised(m):
    nn.functional.embedding(torch.tensor([1]), m.weight, max_norm=0.1)


WRITES = {
    "add_": lambda m: m.weight.add_(1),
    "+=": lambda m: m.weight.__iadd__(1),
    "[...] =": lambda m: m.weight.__setitem__(0, 5.0),
    "a view": lambda m: m.weight[1].t().unsqueeze(0).mul_(3),
    "detached": lambda m: m.weight.detach().copy_(torch.zeros(4, 3)),
    ".data": lambda m: m.weight.data.clamp_(max=0.5),
    "out=": lambda m: torch.add(m.weight, 1, out=m.weight),
    "F.relu in place": lambda m: nn.functional.hardtanh(m.weight.data, -0.5, 0.5, inplace=True),
    "input by keyword": lambda m: nn.functional.threshold(input=m.weight, threshold=3, value=0, inplace=True),
    "foreach": lambda m: torch._foreach_mul_([m.seen, m.weight], 2),
    "init": lambda m: nn.init.zeros_(m.weight),
    "embedding with max_norm": renormalised,
    "an operator itself": lambda m: torch.ops.aten.mul_.Scalar(m.weight, 2),
    "autograd function": lambda m: Doubles.apply(torch.ones(3, requires_grad=True), m.weight),
    "vmap": lambda m: torch.vmap(lambda row: row.mul_(2))(m.weight.data),
    "optimizer": lambda m: optimised(m),
    "resized": lambda m: m.weight.data.resize_(2, 3).zero_(),
    "through numpy": lambda m: m.weight.detach().numpy().fill(3),
    "through an array": lambda m: np.asarray(m.weight.detach()).fill(3),
    "through DLPack": lambda m: np.from_dlpack(m.weight.detach()).fill(3),
    "its storage": lambda m: m.weight.untyped_storage().fill_(0),
    "a buffer": lambda m: m.seen.add_(1),
    "a buffer through numpy": lambda m: m.seen.numpy().fill(3),
    "NaN and the sign of zero in buffers": lambda m: m.seen.fill_(-0.0),
}


def optimised(m):
    m.weight.grad = torch.ones(4, 3)
    torch.optim.Adam([m.weight], lr=0.1).step()


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.inference_mode], ids=["plain", "inference_mode"])
@pytest.mark.parametrize("how", WRITES.values(), ids=WRITES.keys())
def test_a_model_that_writes_to_itself_in_eval_mode(how, mode):
    model = Writes(how).eval()
    value, seen = model.weight.detach().clone(), model.seen.clone()
    with mode(), observe(model):
        model(torch.ones(2, 3))
        written = not torch.equal(model.weight.detach(), value) or not torch.equal(
            model.seen.view(torch.int32), seen.view(torch.int32)
        )
        assert written, "the write must be visible, or this test tests nothing"
    assert torch.equal(model.weight, value)
    assert torch.equal(model.seen.view(torch.int32), seen.view(torch.int32))
    assert model.weight.grad is None


def test_tied_and_flat_parameters_are_put_back_once():
    flat = torch.arange(8.0)
    model = nn.Module()
    model.a, model.b = nn.Parameter(flat[:4]), nn.Parameter(flat[4:])
    model.c = model.a
    with observe(model), torch.no_grad():
        model.b.mul_(2)
        model.c.zero_()
    assert flat.tolist() == list(range(8))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_is_watched_too():
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.weight.detach().add_(1)
            return x * self.weight

    model = nn.Sequential(torch.jit.script(Counts()))
    with observe(model), torch.no_grad():
        assert model(torch.ones(3)).tolist() == [2, 2, 2]
    assert model[0].weight.tolist() == [1, 1, 1]


def test_a_models_own_train_may_write_to_its_weights():
    class Merges(nn.Linear):
        def train(self, mode=True):
            self.weight.data += 1 if mode else -1
            return super().train(mode)

    model = Merges(2, 2)
    before = model.weight.clone()
    for guard in (True, False):
        with observe(model, guard=guard):
            assert not torch.equal(model.weight, before)
        assert torch.equal(model.weight, before)


def write_in_a_hook(model):
    model[0].register_forward_hook(lambda module, args, out: module.weight.add_(1))


def write_in_an_own_forward(model):
    forward = model[0].forward

    def changed(x):
        model[0].weight.add_(1)
        return forward(x)

    model[0].forward = changed


def write_by_max_norm(model):
    model.insert(0, nn.Embedding(4, 3, max_norm=0.1))


def write_for_every_module(model):
    return nn.modules.module.register_module_forward_pre_hook(lambda *_: model[0].weight.add_(1) and None)


@pytest.mark.parametrize(
    "alter", [write_in_a_hook, write_in_an_own_forward, write_by_max_norm, write_for_every_module]
)
def test_a_model_of_torchs_own_modules_may_be_made_to_write(alter):
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    assert only_reads(model)
    handle = alter(model)
    assert not only_reads(model)
    if handle is not None:
        handle.remove()


def test_a_model_of_ones_own_is_not_known_to_read_only():
    assert not only_reads(nn.Sequential(type("Mine", (nn.Linear,), {"forward": lambda self, x: x})(3, 3)))


def test_nothing_is_copied_for_a_model_that_only_reads():
    model = make()
    with observe(model) as guard, torch.no_grad():
        model(torch.randn(2, 3, 8, 8))
    assert guard.copies == []


def test_frozen_asks_for_no_gradient_and_restores_who_did():
    model = make()
    model[0].weight.requires_grad_(False)
    with observe(model, frozen=True):
        assert not model(torch.randn(2, 3, 8, 8)).requires_grad
    assert [p.requires_grad for p in model.parameters()] == [False] + [True] * 5


def test_lazy_buffers_are_refused():
    with (
        pytest.raises(SubjectError, match="'running_mean' is not"),
        observe(nn.LazyBatchNorm2d(affine=False)),
    ):
        pass


@pytest.mark.parametrize("nested", [False, True], ids=["alone", "as a part"])
def test_what_torch_export_made_is_watched_as_it_is(nested):
    inputs = torch.randn(2, 3, 8, 8)
    exported = torch.export.export(make().eval(), (inputs,)).module()
    model = nn.ModuleList([exported, nn.Dropout()]) if nested else exported
    before = photograph(model)
    with observe(model):
        assert not any(module.training for module in model.modules())
        exported(inputs)
    assert same(before, photograph(model))
    ModelCheck(exported, inputs).complexity()


def test_a_buffer_made_from_a_parameter_raises_no_warning(recwarn):
    model = nn.Linear(2, 2)
    model.register_buffer("doubled", model.weight * 2)
    with observe(model):
        model(torch.ones(1, 2))
    assert [str(w.message) for w in recwarn] == []


@pytest.mark.parametrize("mode", ["default", "warn", "error"])
def test_deterministic_algorithms_are_asked_for_as_before(mode):
    torch.set_deterministic_debug_mode(mode)
    before = torch.get_deterministic_debug_mode()
    try:
        with observe():
            torch.set_deterministic_debug_mode("error" if mode == "default" else "default")
        assert torch.get_deterministic_debug_mode() == before
    finally:
        torch.set_deterministic_debug_mode("default")

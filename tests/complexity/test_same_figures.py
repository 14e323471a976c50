"""The same model has the same figures on meta and in a real run, in each phase; and those of the user's own call."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import flop_registry, register_flop_formula

from pytest_modelcheck import MeasurementError, ModelCheck, register_formula
from pytest_modelcheck.checks.complexity import formulas
from pytest_modelcheck.checks.complexity.measure import _counted
from pytest_modelcheck.checks.complexity.result import Cost

FIGURES = ("macs", "other_flops", "activations", "bytes_read", "bytes_written")


class Net(nn.Module):
    """A function of itself and its inputs."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, *args):
        return self.function(self, *args)


def r(*shape):
    return torch.randn(*shape)


def grouped(net, x):
    q, k = (layer(x).unflatten(-1, (-1, 4)).transpose(1, 2) for layer in (net.q, net.k))
    y = F.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    return x + net.o(y.transpose(1, 2).flatten(2))


def linear(width=16, out=16):
    return nn.Linear(width, out)


MODELS = {
    "attention": (
        Net(lambda n, x: F.scaled_dot_product_attention(n.a(x), n.a(x), x), a=linear()),
        (r(2, 4, 8, 16),),
    ),
    "one tensor for all three": (
        Net(lambda n, x: F.scaled_dot_product_attention(*[n.a(x)] * 3) + x.sum(), a=linear()),
        (r(2, 4, 8, 16),),
    ),
    "with a mask": (
        Net(lambda n, x, m: F.scaled_dot_product_attention(n.a(x), x, x, attn_mask=m), a=linear()),
        (r(2, 4, 8, 16), r(8, 8)),
    ),
    "grouped queries, heads apart": (Net(grouped, q=linear(), k=linear(16, 8), o=linear()), (r(2, 8, 16),)),
    "lstm": (nn.LSTM(16, 8, 2, bidirectional=True), (r(5, 2, 16),)),
    "lstm with projection": (nn.LSTM(16, 8, 2, proj_size=4, batch_first=True), (r(5, 2, 16),)),
    "lstm between layers": (
        Net(lambda n, x: n.l(n.a(x))[0] + n.a(x)[..., :8], l=nn.LSTM(16, 8), a=linear()),
        (r(5, 2, 16),),
    ),
    "gru": (nn.GRU(16, 8, 2, bias=False), (r(5, 2, 16),)),
    "rnn": (nn.RNN(16, 8, nonlinearity="relu"), (r(5, 2, 16),)),
    "cells": (
        Net(
            lambda n, x: n.a(x)[0] + n.b(x, n.b(x)) + n.c(x),
            a=nn.LSTMCell(16, 8),
            b=nn.GRUCell(16, 8),
            c=nn.RNNCell(16, 8),
        ),
        (r(2, 16),),
    ),
    "attention module": (nn.MultiheadAttention(16, 2, batch_first=True), (r(2, 8, 16),) * 3),
    "encoder layer": (nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0), (r(2, 8, 16),)),
    "rms norm": (Net(lambda n, x: n.b(n.a(x)), a=linear(), b=nn.RMSNorm(16)), (r(2, 8, 16),)),
    "checkpointed": (
        Net(
            lambda n, x: checkpoint(n.e, n.a(x), use_reentrant=False) + 1,
            a=linear(),
            e=nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0),
        ),
        (r(2, 8, 16),),
    ),
    "matmul": (Net(lambda n, x: n.a(x) @ x.mT @ x + x @ n.a.weight, a=linear()), (r(2, 4, 8, 16),)),
    "bags": (nn.EmbeddingBag(50, 8), (torch.randint(0, 50, (2, 7)),)),
}


def figures(check, phase, on_meta):
    counter = _counted(check.subject, check.subject.require_inputs(), phase, False, on_meta=on_meta)
    assert counter.unknown == {}
    total = sum(counter.cells.values(), Cost())
    return {name: getattr(total, name) for name in FIGURES}


@pytest.mark.parametrize("phase", ["forward", "backward", "training_step"])
@pytest.mark.parametrize(("model", "inputs"), MODELS.values(), ids=MODELS.keys())
def test_a_real_run_counts_what_shapes_alone_do(model, inputs, phase):
    check = ModelCheck(model, inputs)
    assert figures(check, phase, on_meta=True) == figures(check, phase, on_meta=False)


@pytest.mark.parametrize("name", ["attention", "lstm", "gru", "rms norm", "encoder layer", "matmul"])
def test_forward_and_backward_are_the_training_step(name):
    check = ModelCheck(*MODELS[name])
    forward, backward, step = (figures(check, p, True) for p in ("forward", "backward", "training_step"))
    assert {n: forward[n] + backward[n] for n in FIGURES} == step


def cost_of(function, *inputs, phase="training_step", **layers):
    return ModelCheck(Net(function, **layers), inputs).complexity(phase=phase)


def test_the_backward_of_attention_by_hand():
    """q of 8 x 16 (4 heads, batch 2) needs a gradient, k and v do not: dP and dQ, a product of scores each."""
    cost = cost_of(lambda n, x: F.scaled_dot_product_attention(n.a(x), x, x), r(2, 4, 8, 16), a=linear())
    backward = cost.by_operator()["aten::scaled_dot_product_attention_backward"]
    scores, size = 2 * 4 * 8 * 8, 2 * 4 * 8 * 16
    assert (backward.macs, backward.other_flops, backward.activations) == (2 * scores * 16, 4 * scores, size)
    assert (backward.bytes_read, backward.bytes_written) == (
        4 * 5 * size,
        4 * size,
    )  # q, k, v, result, gradient


def test_the_backward_of_a_recurrent_layer_by_hand():
    """5 steps of 2: gradients of both matrices, and of the state but for the first; the input needs none."""
    cost = ModelCheck(nn.LSTM(16, 8), r(5, 2, 16)).complexity(phase="backward")
    inward, onward = 4 * 8 * 16, 4 * 8 * 8
    assert cost.macs == 10 * (inward + onward) + 8 * onward
    assert cost.activations == inward + onward


def test_what_gradients_of_several_uses_add_up_to_is_counted_beside_the_operator():
    cost = cost_of(lambda n, x: F.scaled_dot_product_attention(*[n.a(x)] * 3), r(2, 4, 8, 16), a=linear())
    assert cost.by_operator()["aten::add"].other_flops == 2 * 2 * 4 * 8 * 16  # three gradients, two sums


def force(net, x):
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        return torch.autograd.grad(net.a(x).sum(), x)[0]


def adapted(net, x):
    with torch.enable_grad():
        step = torch.autograd.grad(net.a(x).sum(), net.a.weight)[0]
    return F.linear(x, net.a.weight - step, net.a.bias)


def ragged(net, x):
    rows = torch.nested.nested_tensor([x[:2], x[:1]], layout=torch.jagged)
    return net.a(rows).values()


ONE = 3 * 2  # a call of Linear(2, 1) for three rows
OWN_CALL = {
    "autograd.grad": (force, 2 * ONE),
    "jacobian": (lambda n, x: torch.autograd.functional.jacobian(lambda y: n.a(y).sum(0), x), 2 * ONE),
    "func.grad": (lambda n, x: torch.func.grad(lambda y: n.a(y).sum())(x), 2 * ONE),
    "func.jvp": (lambda n, x: torch.func.jvp(n.a, (x,), (x,))[1], 3 * ONE),
    "vmap of grad": (lambda n, x: torch.func.vmap(torch.func.grad(lambda y: n.a(y).sum()))(x), 2 * ONE),
    "a step of its own": (adapted, 3 * ONE),
    "asks for the mode": (lambda n, x: n.b(x) if torch.is_inference_mode_enabled() else n.a(x), ONE),
    "asks for gradients": (lambda n, x: n.b(x) if torch.is_grad_enabled() else n.a(x), ONE),
    "asks its weight": (lambda n, x: n.a(x) if n.a.weight.requires_grad else n.b(x), ONE),
    "wants a gradient": (lambda n, x: n.a(x.requires_grad_()), ONE),
    "checkpoint": (lambda n, x: checkpoint(n.a, x, use_reentrant=False), ONE),
    "rows of several lengths": (ragged, ONE),
}


@pytest.mark.parametrize(("function", "macs"), OWN_CALL.values(), ids=OWN_CALL.keys())
def test_what_is_counted_is_the_users_own_call_without_gradients(function, macs):
    net = Net(function, a=linear(2, 1), b=linear(2, 100))
    cost = ModelCheck(net, r(3, 2)).complexity(strict=True)
    assert cost.macs == macs
    assert all(p.grad is None for p in net.parameters())


COPIES = {  # of 100 x 64 float32, 25,600 bytes
    "contiguous": (lambda x: x.t().contiguous(), 51200),
    "reshape": (lambda x: x.t().reshape(-1), 51200),
    "flatten": (lambda x: x.t().flatten(), 51200),
    "half": (lambda x: x.half(), 38400),
    "to": (lambda x: x.to(torch.float64), 76800),
    "expand, reshape": (lambda x: x[:, None].expand(100, 4, 64).reshape(400, 64), 5 * 25600),
    "clone": (lambda x: x.clone(), 51200),
    "of batches that do not join": (lambda x: x.view(10, 10, 64).transpose(0, 1).reshape(100, 64), 51200),
    "out=": (lambda x: torch.add(x, 1, out=torch.empty(100, 64)), 51200),
    "views": (lambda x: x.reshape(64, 100).view(-1)[5:].unflatten(0, (-1, 5)).T.chunk(2)[0].squeeze(), 0),
    "nothing to do": (lambda x: x.contiguous().float().to(torch.float32).reshape(100, 64).flatten(0, 0), 0),
    "split": (lambda x: torch.unsafe_split(x, 2)[0], 0),
}


@pytest.mark.parametrize("on_meta", [True, False], ids=["meta", "real"])
@pytest.mark.parametrize(("function", "moved"), COPIES.values(), ids=COPIES.keys())
def test_what_shares_no_storage_is_a_copy(function, moved, on_meta):
    check = ModelCheck(Net(lambda n, x: function(x)), r(100, 64))
    found = figures(check, "forward", on_meta)
    assert found["bytes_read"] + found["bytes_written"] == moved


MASK = torch.triu(torch.ones(8, 8, dtype=torch.bool), 1)
KEPT = 28 * 2  # of 8 x 8 products 28 are masked, in two heads; each of two products is 4 wide
CAUSAL = {
    "by name": (lambda n, x: scaled_dot_product_attention(*[n.heads(x)] * 3, is_causal=True), (1, 0)),
    "module": (lambda n, x: n.m(x, x, x, attn_mask=MASK, is_causal=True, need_weights=False)[0], (1, 0)),
    "module with weights": (lambda n, x: n.m(x, x, x, attn_mask=MASK, is_causal=True)[0], (1, 0)),
    "mask given": (lambda n, x: F.scaled_dot_product_attention(*[n.heads(x)] * 3, attn_mask=~MASK), (0, 1)),
    "written out": (lambda n, x: (n.a(x) @ x.mT).masked_fill(MASK, -9.0).softmax(-1) @ x, (0, 0)),
}


class Heads(Net):
    def heads(self, x):
        return self.a(x).unflatten(-1, (2, 4)).transpose(1, 2)


@pytest.mark.parametrize(("phase", "products"), [("forward", 2), ("backward", 4), ("training_step", 6)])
@pytest.mark.parametrize(("function", "calls"), CAUSAL.values(), ids=CAUSAL.keys())
def test_causal_attention_by_any_name(function, calls, phase, products):
    check = ModelCheck(
        Heads(function, a=linear(8, 8), m=nn.MultiheadAttention(8, 2, batch_first=True)), r(1, 8, 8)
    )
    dense, causal = (check.complexity(phase=phase, attention=a) for a in ("dense", "causal"))
    assert dense.macs - causal.macs == calls[0] * KEPT * 4 * products
    assert (dense.attention, causal.attention) == (None, calls)
    assert ("had no effect" in str(causal)) is not calls[0]


LIBRARY = torch.library.Library("modelcheck_figures", "DEF")
LIBRARY.define("product(Tensor x, *, float scale=1.0) -> Tensor")
LIBRARY.impl("product", lambda x, scale=1.0: x @ x * scale, "CompositeExplicitAutograd")
PRODUCT = torch.ops.modelcheck_figures.product


def test_a_formula_for_torchs_own_counter_is_taken_where_there_is_none_of_ours():
    check = ModelCheck(Net(lambda n, x: PRODUCT(x, scale=2.0)), r(4, 4))

    @register_flop_formula(PRODUCT)
    def flops(shape, *args, scale, out_shape=None, **kwargs):
        return 2 * shape[0] ** 3

    try:
        assert check.complexity(strict=True).macs == 64
        register_formula(PRODUCT)(lambda args, out: 7)
        assert check.complexity(strict=True).macs == 7
    finally:
        flop_registry.pop(PRODUCT)
        formulas.MACS.pop("modelcheck_figures::product")


def test_third_parties_register_all_that_an_operator_costs():
    check = ModelCheck(Net(lambda n, x: PRODUCT(x)), r(4, 4))
    name = "modelcheck_figures::product"
    try:
        register_formula(PRODUCT, counts="other_flops")(lambda args, out: 5)
        register_formula(PRODUCT, counts="traffic")(lambda args, out: ((args[0], args[0]), 12))
        cost = check.complexity(strict=True)
        assert (cost.macs, cost.flops_all, cost.bytes_read, cost.bytes_written) == (0, 5, 128, 12)
        assert cost.bytes_by_dtype == {"float32": (128, 12)}
    finally:
        formulas.OTHER.pop(name, None)
        formulas.REGISTERED_TRAFFIC.pop(name, None)
    with pytest.raises(ValueError, match="counts='bytes' is not one of"):
        register_formula(PRODUCT, counts="bytes")
    with pytest.raises(MeasurementError, match="modelcheck_figures::product"):
        check.complexity(strict=True)


class Halves(torch.Tensor):
    """Stands for float32, holds float16."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=torch.float32)

    def __init__(self, inner):
        self.inner = inner

    def __tensor_flatten__(self):
        return ["inner"], None

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.detach.default:
            return Halves(args[0].inner.detach())
        plain = [a.inner.float() if isinstance(a, Halves) else a for a in args]
        return func(*plain, **(kwargs or {}))


def test_a_tensor_subclass_is_what_it_holds():
    layer = nn.Linear(8, 4, bias=False)
    layer.weight = nn.Parameter(Halves(torch.zeros(4, 8, dtype=torch.float16)), requires_grad=False)
    cost = ModelCheck(layer, r(2, 8)).complexity()
    assert (cost.macs, cost.params, cost.model_bytes) == (64, 32, 64)
    assert cost.bytes_by_dtype["float16"] == (64, 0)


def test_a_complex_output_has_a_backward():
    net = Net(lambda n, x: torch.fft.fft(n.a(x)), a=linear(4, 4))
    assert ModelCheck(net, r(2, 4)).complexity(phase="training_step").macs == 2 * 2 * 16


M, N = 6, 4
ALGEBRA = {
    "matrix_exp": (lambda x: torch.linalg.matrix_exp(x[:, :4]), 10 * 64),
    "pinv": (lambda x: torch.linalg.pinv(x), 16 * 6 * 16 + 8 * 64),
    "lstsq": (lambda x: torch.linalg.lstsq(x, x[..., :3])[0], 2 * 6 * 16 - 2 / 3 * 64 + 3 * (4 * 6 * 4 - 16)),
    "geqrf": (lambda x: torch.geqrf(x)[0], 2 * 6 * 16 - 2 / 3 * 64),
    "householder_product": (lambda x: torch.linalg.householder_product(x, x[:, 0]), 2 * 6 * 16 - 2 / 3 * 64),
    "ormqr": (lambda x: torch.ormqr(x, x[:, 0], x[..., :3]), 3 * 4 * 2 * (2 * 6 - 4)),
    "histogram": (lambda x: torch.histogram(x.flatten(), 3)[0], 24),
    "_foreach_mul_": (lambda x: torch._foreach_mul_([x, x], 2.0), 2 * 24),
    "abs_": (lambda x: x.abs_(), 24),
}


@pytest.mark.parametrize(("function", "flops"), ALGEBRA.values(), ids=ALGEBRA.keys())
def test_flops_of_what_is_no_contraction(function, flops):

    cost = ModelCheck(Net(lambda n, x: function(x)), r(1, M, N)).complexity(strict=True)
    assert cost.flops_all == round(flops)


def test_the_backward_of_weight_norm():
    """Four operations for each of 8 x 4 weights."""
    model = nn.utils.parametrizations.weight_norm(nn.Linear(4, 8))
    cost = ModelCheck(model, r(2, 4)).complexity(phase="backward", strict=True)
    assert cost.by_operator()["aten::_weight_norm_interface_backward"].other_flops == 4 * 32

"""Planted changes of the data flow through steps that a tracer may not see: what feeds them, and what is in them."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import functools
import io
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from .planted import INPUTS, Planted, X

Step = Callable[["Fed", Tensor], Any]


class Fed(nn.Module):
    """`step(self, feed(x))`; has a parameter, a buffer and layers for the steps to work with."""

    def __init__(self, step: Step, feed: Callable[[Tensor], Tensor] = F.relu) -> None:
        super().__init__()
        self.w, self.linear, self.other = nn.Parameter(torch.randn(8, 8)), nn.Linear(8, 8), nn.Linear(8, 8)
        self.register_buffer("b", torch.randn(8, 8))
        self.step, self.feed = step, feed

    def forward(self, x):
        return self.step(self, self.feed(x))


# What is called in steps


def double(t):
    return t * 2


def triple(t):
    return t * 3


@torch.jit.script
def scripted(t):
    return t * torch.sigmoid(t)


@torch.jit.script
def scripted_tanh(t):
    return t * torch.tanh(t)


@torch.jit.script
def scripted_half(t):
    return t * 0.5


@torch.jit.script
def scripted_quarter(t):
    return t * 0.25


class Doubled(nn.Module):
    def forward(self, t):
        return t * 2


class Tripled(nn.Module):
    def forward(self, t):
        return t * 3


SCRIPT_MODULES = {kind: torch.jit.script(kind()) for kind in (Doubled, Tripled)}
TRACED = {kind: torch.jit.trace(kind(), X) for kind in (Doubled, Tripled)}


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        return t * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Triple(torch.autograd.Function):
    @staticmethod
    def forward(ctx, t):
        return t * 3

    @staticmethod
    def backward(ctx, g):
        return g * 3


class Scaled(torch.autograd.Function):
    """In the newer style, with a number among its arguments."""

    @staticmethod
    def forward(t, factor):
        return t * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass


@torch.library.custom_op("planted::scale", mutates_args=())
def scale(t: Tensor, factor: float) -> Tensor:
    return t * factor


@torch.library.custom_op("planted::scale_into", mutates_args=("out",))
def scale_into(t: Tensor, out: Tensor, factor: float) -> None:
    out.copy_(t * factor)


@torch.library.custom_op("planted::add_to", mutates_args=("t",))
def add_to(t: Tensor, other: Tensor) -> None:
    t.add_(other)


LIBRARY = torch.library.Library("planted", "FRAGMENT")
LIBRARY.define("half(Tensor t) -> Tensor")
LIBRARY.impl("half", lambda t: t / 2, "CompositeExplicitAutograd")


class Plain(Tensor):
    """A subclass as some libraries have it: its calls are seen by nobody else."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


def into_zeros(write: Callable[[Tensor, Tensor], Any]) -> Step:
    """A step that writes to zeros, and returns them."""

    def step(m: Fed, t: Tensor) -> Tensor:
        z = torch.zeros(8, 8)
        write(z, t)
        return z + 1

    return step


def in_thread(work: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    found: list[Tensor] = []
    thread = threading.Thread(target=lambda: found.append(work(t)))
    thread.start()
    thread.join()
    return found[0]


def in_pool(work: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return torch.cat(list(pool.map(work, t.chunk(2))))


def in_loop(work: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    async def run() -> Tensor:
        return work(t)

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


def saved(t: Tensor) -> Tensor:
    memory = io.BytesIO()
    torch.save(t, memory)
    memory.seek(0)
    return torch.load(memory)


def energy(function: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    """Forces: the gradient of a function, taken in the forward."""
    with torch.enable_grad():
        t = t.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(t).sum(), t)
    return slope


def whole(t: Tensor) -> Tensor:
    return t.sum().sin()


def parts(t: Tensor) -> Iterator[Tensor]:
    yield t[:4]
    yield t[4:]


def ones_if(condition: Any) -> Tensor:
    return torch.ones(8) if condition else torch.zeros(8)


FED: dict[str, Step] = {
    "vmap": lambda m, t: torch.vmap(double)(t),
    "vmap with out_dims": lambda m, t: torch.vmap(double, in_dims=1, out_dims=1)(t),
    "vmap of a layer": lambda m, t: torch.vmap(m.linear)(t),
    "func.grad": lambda m, t: torch.func.grad(whole)(t),
    "func.grad_and_value": lambda m, t: torch.func.grad_and_value(whole)(t),
    "func.jvp": lambda m, t: torch.func.jvp(torch.sin, (t,), (torch.ones(8, 8),))[1],
    "func.vjp": lambda m, t: torch.func.vjp(torch.sin, t)[1](torch.ones(8, 8))[0],
    "func.jacrev": lambda m, t: torch.func.jacrev(torch.sin)(t[0]),
    "func.jacfwd": lambda m, t: torch.func.jacfwd(torch.sin)(t[0]),
    "func.hessian": lambda m, t: torch.func.hessian(whole)(t[0]),
    "vmap of grad": lambda m, t: torch.vmap(torch.func.grad(whole))(t),
    "functional_call": lambda m, t: torch.func.functional_call(
        m.linear, dict(m.other.named_parameters()), (t,)
    ),
    "autograd.functional.jacobian": lambda m, t: torch.autograd.functional.jacobian(torch.sin, t[0]),
    "autograd.grad": lambda m, t: energy(torch.sin, t),
    "a scripted function": lambda m, t: scripted(t),
    "a script module": lambda m, t: SCRIPT_MODULES[Doubled](t),
    "a traced module": lambda m, t: TRACED[Doubled](t),
    "jit.fork": lambda m, t: torch.jit.wait(torch.jit.fork(double, t)),
    "torch.fx": lambda m, t: torch.fx.symbolic_trace(Doubled())(t),
    "numpy and back": lambda m, t: torch.from_numpy(t.numpy() + 1),
    "np.asarray": lambda m, t: torch.as_tensor(np.asarray(t) * 2),
    "np.sin of a tensor": lambda m, t: torch.as_tensor(np.sin(t)),
    "numpy alone as the output": lambda m, t: t.numpy(),
    "a dict of numpy": lambda m, t: {"y": (t * 2).numpy()},
    "item": lambda m, t: torch.ones(8) * t.mean().item(),
    "item as the output": lambda m, t: t.mean().item(),
    "float as the output": lambda m, t: {"loss": float(t.mean())},
    "tolist": lambda m, t: torch.tensor(t[0].tolist()) * 2,
    "tolist as the output": lambda m, t: t.tolist(),
    "float": lambda m, t: torch.full((8,), float(t.mean())),
    "int of argmax": lambda m, t: m.w[int(t[0].argmin())],
    "complex": lambda m, t: torch.ones(8) * complex(t.sum()),
    "an index": lambda m, t: m.w[t[0].argmin()],
    "a Python list of floats": lambda m, t: torch.tensor([float(row.sum()) for row in t]),
    "format": lambda m, t: f"{t.sum():.4f}",
    "a condition": lambda m, t: ones_if(t.mean() > 0.2),
    "a condition on bool()": lambda m, t: ones_if(bool(t.mean() > 0.2)),
    "a condition on item()": lambda m, t: ones_if(t.mean().item() > 0.2),
    "allclose": lambda m, t: ones_if(torch.allclose(t, t.abs())),
    "torch.equal": lambda m, t: ones_if(torch.equal(t, t.abs())),
    "the number of what is nonzero": lambda m, t: torch.ones(len(t.nonzero())),
    "assertions": lambda m, t: (torch._assert_async(t.sum() != 1e9), t)[1],
    "out=": lambda m, t: torch.mul(t, 2, out=torch.empty(8, 8)),
    "out= a view": into_zeros(lambda z, t: torch.mul(t[:4], 2, out=z[4:])),
    "out= a buffer": lambda m, t: (torch.mul(t, 2, out=m.b), m.b + 1)[1],
    "cat with out=": into_zeros(lambda z, t: torch.cat([t[:4], t[:4]], out=z)),
    "narrow": into_zeros(lambda z, t: z.narrow(0, 2, 4).copy_(t[:4])),
    "a row": into_zeros(lambda z, t: z[2].copy_(t[0])),
    "setitem": into_zeros(lambda z, t: z.__setitem__(slice(2, 6), t[:4])),
    "setitem by mask": into_zeros(lambda z, t: z.__setitem__(t > 0.5, 2.0)),
    "setitem by index": into_zeros(lambda z, t: z.__setitem__((t[0] > 0.5).long(), t)),
    "data =": into_zeros(lambda z, t: setattr(z, "data", t)),
    "data[...] =": into_zeros(lambda z, t: z.data[2:4].copy_(t[2:4])),
    "set_": into_zeros(lambda z, t: z.set_(t)),
    "detach().copy_": into_zeros(lambda z, t: z.detach().copy_(t)),
    "numpy()[:] =": into_zeros(lambda z, t: z.numpy().__setitem__(slice(None), t.numpy())),
    "a view of a view": into_zeros(lambda z, t: z.view(-1)[8:].view(7, 8)[1:3].copy_(t[:2])),
    "transposed": into_zeros(lambda z, t: z.t().copy_(t)),
    "the diagonal": into_zeros(lambda z, t: z.diagonal().copy_(t[0])),
    "index_put_": into_zeros(lambda z, t: z.index_put_((torch.arange(4),), t[:4])),
    "index_copy_": into_zeros(lambda z, t: z.index_copy_(0, torch.arange(8), t)),
    "index_add_": into_zeros(lambda z, t: z.index_add_(0, torch.arange(8), t)),
    "scatter_": into_zeros(lambda z, t: z.scatter_(0, torch.zeros(1, 8, dtype=torch.long), t[:1])),
    "masked_fill_": into_zeros(lambda z, t: z.masked_fill_(t > 0.5, 1.0)),
    "masked_scatter_": into_zeros(lambda z, t: z.masked_scatter_(torch.ones(8, 8, dtype=torch.bool), t)),
    "add_ to a chunk": into_zeros(lambda z, t: z.chunk(2)[1].add_(t[:4])),
    "mul_ of an unbound row": into_zeros(lambda z, t: (z.add_(1), z.unbind(0)[1].mul_(t[0]))),
    "foreach": into_zeros(lambda z, t: torch._foreach_add_([z], [t])),
    "copy_ to a buffer": lambda m, t: (m.b.copy_(t), m.b * 2)[1],
    "copy_ to a part of a buffer": lambda m, t: (m.b[2:4].copy_(t[2:4]), m.b * 2)[1],
    "a buffer is bound to it": lambda m, t: (setattr(m, "b", t * 2), m.b + 1)[1],
    "a write to the parameter's data": lambda m, t: (m.w.data.copy_(t), m.w * 2)[1],
    "a write that the next call sees": lambda m, t: (m.w + m.b, m.b.copy_(t))[0],
    "a thread": lambda m, t: in_thread(double, t),
    "a thread that runs a layer": lambda m, t: in_thread(m.linear, t),
    "a pool of threads": lambda m, t: in_pool(double, t),
    "an event loop": lambda m, t: in_loop(double, t),
    "autograd.Function": lambda m, t: Double.apply(t),
    "autograd.Function with a number": lambda m, t: Scaled.apply(t, 2.0),
    "a custom operator": lambda m, t: scale(t, 2.0),
    "a custom operator of torch.ops": lambda m, t: torch.ops.planted.half(t),
    "a custom operator that mutates": into_zeros(lambda z, t: scale_into(t, z, 2.0)),
    "a custom operator that mutates a view": into_zeros(lambda z, t: add_to(z[2:4], t[:2])),
    "a custom operator that mutates what it reads": lambda m, t: (add_to(t, torch.ones(8, 8)), t)[1],
    "aten": lambda m, t: torch.ops.aten.sin.default(t),
    "torch.cond": lambda m, t: torch.cond(t.sum() > 0, double, triple, (t,)),
    "the predicate of torch.cond": lambda m, t: torch.cond(t.mean() > 0.2, double, triple, (m.w,)),
    "checkpoint": lambda m, t: checkpoint(double, t, use_reentrant=False),
    "reentrant checkpoint": lambda m, t: checkpoint(double, t, use_reentrant=True),
    "checkpoint_sequential": lambda m, t: checkpoint_sequential(
        [m.linear, m.other], 2, t, use_reentrant=False
    ),
    "a generator": lambda m, t: parts(t),
    "a generator inside": lambda m, t: torch.cat(list(parts(t))),
    "deepcopy": lambda m, t: copy.deepcopy(t) * 2,
    "copy": lambda m, t: copy.copy(t) * 2,
    "torch.tensor of a tensor": lambda m, t: torch.tensor(t) * 2,
    "torch.as_tensor": lambda m, t: torch.as_tensor(t, dtype=torch.float64) * 2,
    "nn.Parameter of it": lambda m, t: nn.Parameter(t) * 2,
    "dlpack": lambda m, t: torch.from_dlpack(t) * 2,
    "torch.save and load": lambda m, t: saved(t) * 2,
    "a subclass": lambda m, t: (t.as_subclass(Plain) * 2).as_subclass(Tensor),
    "DisableTorchFunction": lambda m, t: unseen(torch.sin, t),
    "inference_mode": lambda m, t: inferred(torch.sin, t),
    "flex_attention": lambda m, t: flex_attention(*[t.view(1, 1, 8, 8)] * 3),
    "sparse": lambda m, t: torch.sparse.mm(t.to_sparse(), m.w),
    "the values of a sparse tensor": lambda m, t: t.to_sparse().values() * 2,
    "quantised": lambda m, t: torch.quantize_per_tensor(t, 0.1, 0, torch.quint8).dequantize(),
    "nested": lambda m, t: torch.nested.nested_tensor([t[:3], t[3:]]).to_padded_tensor(0.0),
    "a packed sequence": lambda m, t: (
        nn.utils.rnn.pack_padded_sequence(t[None], torch.tensor([5]), True).data
    ),
    "a closure over it": lambda m, t: (lambda: t * 2)(),
    "functools.reduce": lambda m, t: functools.reduce(torch.add, t.unbind(0)),
    "an attribute": lambda m, t: (setattr(m, "held", t), m.held * 2)[1],
    "sorted by key": lambda m, t: torch.stack(sorted(t.unbind(0), key=lambda row: float(row.sum()))),
    "max of Python": lambda m, t: max(t.sum(1)),
}


def unseen(function: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    with torch._C.DisableTorchFunction():
        return function(t)


def inferred(function: Callable[[Tensor], Tensor], t: Tensor) -> Tensor:
    with torch.inference_mode():
        return function(t)


def halved(sparse: Tensor, by: float) -> Tensor:
    sparse.values().div_(by)
    return sparse.to_dense()


def with_part(t: Tensor, name: str) -> Tensor:
    made = torch.complex(t, t * 2)
    setattr(made, name, t * 3)
    return made.abs()


def scores(add: float) -> Callable[..., Tensor]:
    if add == 1.0:
        return lambda score, b, h, q, k: score + 1.0 * q
    return lambda score, b, h, q, k: score + 2.0 * q


def attention(score_mod: Callable[..., Tensor]) -> Step:
    def step(m: Fed, t: Tensor) -> Tensor:
        heads = t.view(1, 1, 8, 8)
        return flex_attention(heads, heads, heads, score_mod=score_mod)

    return step


INSIDE: dict[str, tuple[Step, Step]] = {
    "which end of a slice is a tensor": (
        lambda m, t: t[:, t[0].argmax() :],
        lambda m, t: t[:, : t[0].argmax()],
    ),
    "which end of a slice is a number out of one": (
        lambda m, t: t[:, t[0].argmax().item() :],
        lambda m, t: t[:, : t[0].argmax().item()],
    ),
    "which size is a number out of a tensor": (
        lambda m, t: t.reshape(int(t[0, 0] * 0 + 4), -1),
        lambda m, t: t.reshape(-1, int(t[0, 0] * 0 + 4)),
    ),
    "a literal that went through a tensor": (
        lambda m, t: t * float(torch.tensor(2.0).sqrt()),
        lambda m, t: t * float(torch.tensor(3.0).sqrt()),
    ),
    "a draw before the seed is set": (
        lambda m, t: (torch.rand(2), torch.manual_seed(0), t + torch.rand(8))[2],
        lambda m, t: (torch.manual_seed(0), torch.rand(2), t + torch.rand(8))[2],
    ),
    "the seed set once more": (
        lambda m, t: (torch.manual_seed(0), torch.rand(2), torch.manual_seed(0), t + torch.rand(8))[3],
        lambda m, t: (torch.manual_seed(0), torch.rand(2), t + torch.rand(8))[2],
    ),
    "values of a sparse tensor": (
        lambda m, t: halved(t.to_sparse().coalesce(), 2),
        lambda m, t: halved(t.to_sparse().coalesce(), 3),
    ),
    "the real part for the imaginary one": (
        lambda m, t: with_part(t, "real"),
        lambda m, t: with_part(t, "imag"),
    ),
    "vmap": (lambda m, t: torch.vmap(double)(t), lambda m, t: torch.vmap(triple)(t)),
    "vmap, which function": (lambda m, t: torch.vmap(torch.sin)(t), lambda m, t: torch.vmap(torch.cos)(t)),
    "vmap, which axis": (
        lambda m, t: torch.vmap(torch.cumsum, in_dims=(0, None))(t, 0),
        lambda m, t: torch.vmap(torch.cumsum, in_dims=(1, None))(t, 0),
    ),
    "vmap, where the axis goes": (
        lambda m, t: torch.vmap(double, out_dims=0)(t),
        lambda m, t: torch.vmap(double, out_dims=1)(t),
    ),
    "vmap, which parameter": (
        lambda m, t: torch.vmap(lambda r: r @ m.w)(t),
        lambda m, t: torch.vmap(lambda r: r @ m.linear.weight)(t),
    ),
    "vmap, operands": (
        lambda m, t: torch.vmap(torch.sub)(t, m.w),
        lambda m, t: torch.vmap(torch.sub)(m.w, t),
    ),
    "grad": (
        lambda m, t: torch.func.grad(lambda u: u.sin().sum())(t),
        lambda m, t: torch.func.grad(lambda u: u.cos().sum())(t),
    ),
    "grad, argnums": (
        lambda m, t: torch.func.grad(lambda u, v: (u * v * v).sum(), argnums=0)(t, m.w),
        lambda m, t: torch.func.grad(lambda u, v: (u * v * v).sum(), argnums=1)(t, m.w),
    ),
    "jvp": (
        lambda m, t: torch.func.jvp(torch.sin, (t,), (m.w,))[1],
        lambda m, t: torch.func.jvp(torch.cos, (t,), (m.w,))[1],
    ),
    "jvp, its tangent": (
        lambda m, t: torch.func.jvp(torch.sin, (t,), (m.w,))[1],
        lambda m, t: torch.func.jvp(torch.sin, (m.w,), (t,))[1],
    ),
    "jacrev": (
        lambda m, t: torch.func.jacrev(torch.sin)(t[0]),
        lambda m, t: torch.func.jacrev(torch.cos)(t[0]),
    ),
    "autograd.grad": (lambda m, t: energy(torch.sin, t), lambda m, t: energy(torch.cos, t)),
    "functional_call, which parameters": (
        lambda m, t: torch.func.functional_call(m.linear, dict(m.linear.named_parameters()), (t,)),
        lambda m, t: torch.func.functional_call(m.linear, dict(m.other.named_parameters()), (t,)),
    ),
    "autograd.Function": (lambda m, t: Double.apply(t), lambda m, t: Triple.apply(t)),
    "autograd.Function, its number": (lambda m, t: Scaled.apply(t, 2.0), lambda m, t: Scaled.apply(t, 3.0)),
    "checkpoint": (
        lambda m, t: checkpoint(double, t, use_reentrant=False),
        lambda m, t: checkpoint(triple, t, use_reentrant=False),
    ),
    "reentrant checkpoint": (
        lambda m, t: checkpoint(double, t, use_reentrant=True),
        lambda m, t: checkpoint(triple, t, use_reentrant=True),
    ),
    "a thread": (lambda m, t: in_thread(double, t), lambda m, t: in_thread(triple, t)),
    "a pool": (lambda m, t: in_pool(torch.sin, t), lambda m, t: in_pool(torch.cos, t)),
    "a thread, which layer": (lambda m, t: in_thread(m.linear, t), lambda m, t: in_thread(m.other, t)),
    "a scripted function": (lambda m, t: scripted(t), lambda m, t: scripted_tanh(t)),
    "a scripted function, its number": (lambda m, t: scripted_half(t), lambda m, t: scripted_quarter(t)),
    "a script module": (lambda m, t: SCRIPT_MODULES[Doubled](t), lambda m, t: SCRIPT_MODULES[Tripled](t)),
    "a traced module": (lambda m, t: TRACED[Doubled](t), lambda m, t: TRACED[Tripled](t)),
    "torch.fx": (
        lambda m, t: torch.fx.symbolic_trace(Doubled())(t),
        lambda m, t: torch.fx.symbolic_trace(Tripled())(t),
    ),
    "a custom operator, its number": (lambda m, t: scale(t, 2.0), lambda m, t: scale(t, 3.0)),
    "a custom operator that mutates, its number": (
        into_zeros(lambda z, t: scale_into(t, z, 2.0)),
        into_zeros(lambda z, t: scale_into(t, z, 3.0)),
    ),
    "score_mod": (attention(scores(1.0)), attention(scores(2.0))),
    "torch.cond, the branch that ran": (
        lambda m, t: torch.cond(t.sum() > 0, double, triple, (t,)),
        lambda m, t: torch.cond(t.sum() > 0, torch.sin, triple, (t,)),
    ),
    "torch.cond, its branches swapped": (
        lambda m, t: torch.cond(t.sum() > 0, double, triple, (t,)),
        lambda m, t: torch.cond(t.sum() > 0, triple, double, (t,)),
    ),
    "inference_mode": (lambda m, t: inferred(torch.sin, t), lambda m, t: inferred(torch.cos, t)),
    "a subclass": (
        lambda m, t: (t.as_subclass(Plain) * 2).as_subclass(Tensor),
        lambda m, t: (t.as_subclass(Plain) * 3).as_subclass(Tensor),
    ),
    "a condition, its number": (lambda m, t: ones_if(t.mean() > 0.2), lambda m, t: ones_if(t.mean() > 0.5)),
    "a condition, its reduction": (
        lambda m, t: ones_if(t.min() > 0.2),
        lambda m, t: ones_if(t.median() > 0.2),
    ),
    "a condition, its direction": (
        lambda m, t: ones_if(t.mean() > 0.2),
        lambda m, t: ones_if(t.mean() < 0.2),
    ),
    "item, of what": (
        lambda m, t: torch.ones(8) * t.mean().item(),
        lambda m, t: torch.ones(8) * t.max().item(),
    ),
    "item, which element": (
        lambda m, t: torch.ones(8) * t[3, 3].item(),
        lambda m, t: torch.ones(8) * t[4, 4].item(),
    ),
    "item, what is done with it": (lambda m, t: m.w * t.mean().item(), lambda m, t: m.w + t.mean().item()),
    "numpy, of what": (
        lambda m, t: torch.from_numpy(t[:4].numpy() + 1),
        lambda m, t: torch.from_numpy(t[4:].numpy() + 1),
    ),
    "out=, which part": (
        into_zeros(lambda z, t: torch.mul(t[:4], 2, out=z[4:])),
        into_zeros(lambda z, t: torch.mul(t[:4], 2, out=z[:4])),
    ),
    "narrow, which part": (
        into_zeros(lambda z, t: z.narrow(0, 2, 4).copy_(t[:4])),
        into_zeros(lambda z, t: z.narrow(0, 3, 4).copy_(t[:4])),
    ),
    "a row, which": (into_zeros(lambda z, t: z[2].copy_(t[0])), into_zeros(lambda z, t: z[3].copy_(t[0]))),
    "setitem, where": (
        into_zeros(lambda z, t: z.__setitem__(slice(2, 6), t[:4])),
        into_zeros(lambda z, t: z.__setitem__(slice(4, 8), t[:4])),
    ),
    "setitem, what": (
        into_zeros(lambda z, t: z.__setitem__(slice(2, 6), t[:4])),
        into_zeros(lambda z, t: z.__setitem__(slice(2, 6), t[4:])),
    ),
    "setitem, a number": (
        into_zeros(lambda z, t: z.__setitem__(2, 1.0)),
        into_zeros(lambda z, t: z.__setitem__(2, 2.0)),
    ),
    "chunk, which": (
        into_zeros(lambda z, t: z.chunk(2)[0].add_(t[:4])),
        into_zeros(lambda z, t: z.chunk(2)[1].add_(t[:4])),
    ),
    "unbind, which": (
        into_zeros(lambda z, t: z.unbind(0)[1].add_(t[0])),
        into_zeros(lambda z, t: z.unbind(0)[2].add_(t[0])),
    ),
    "strides of what is written": (
        into_zeros(lambda z, t: z.copy_(t)),
        into_zeros(lambda z, t: z.t().copy_(t)),
    ),
    "steps of what is written": (
        into_zeros(lambda z, t: z[::2].copy_(t[:4])),
        into_zeros(lambda z, t: z[1::2].copy_(t[:4])),
    ),
    "data, which part": (
        into_zeros(lambda z, t: z.data[2:4].copy_(t[:2])),
        into_zeros(lambda z, t: z.data[4:6].copy_(t[:2])),
    ),
    "index_put_, accumulate": (
        into_zeros(lambda z, t: z.index_put_((torch.zeros(2).long(),), t[:2])),
        into_zeros(lambda z, t: z.index_put_((torch.zeros(2).long(),), t[:2], accumulate=True)),
    ),
    "scatter_, its axis": (
        into_zeros(lambda z, t: z.scatter_(0, torch.ones(8, 8).long(), t)),
        into_zeros(lambda z, t: z.scatter_(1, torch.ones(8, 8).long(), t)),
    ),
    "two writes, their order": (
        into_zeros(lambda z, t: (z[:4].fill_(1), z[2:].fill_(2))),
        into_zeros(lambda z, t: (z[2:].fill_(2), z[:4].fill_(1))),
    ),
    "a write before or after it is read": (
        lambda m, t: (lambda z, u: (z.add_(1), u + z)[1])(t, t * 2),
        lambda m, t: (lambda z: (z.add_(1), z * 2 + z)[1])(t),
    ),
    "a read through a view after the write": (
        lambda m, t: (lambda z, row: (z.add_(1), row * 2)[1])(t.clone(), t[0]),
        lambda m, t: (lambda z: (lambda row: (z.add_(1), row * 2)[1])(z[0]))(t.clone()),
    ),
    "what the next call sees": (
        lambda m, t: (t - m.b, m.b.lerp_(t, 0.1))[0],
        lambda m, t: (t - m.b, m.b.lerp_(t, 0.2))[0],
    ),
    "whether the next call sees it": (lambda m, t: t - m.b, lambda m, t: (t - m.b, m.b.add_(1))[0]),
    "a parameter is written": (lambda m, t: t @ m.w, lambda m, t: (t @ m.w, m.w.data.mul_(0.9))[0]),
    "a generator, its order": (lambda m, t: parts(t), lambda m, t: iter_reversed(t)),
    "a custom operator, what it mutates": (
        into_zeros(lambda z, t: add_to(z[2:4], t[:2])),
        into_zeros(lambda z, t: add_to(z[3:5], t[:2])),
    ),
    "deepcopy, of what": (lambda m, t: copy.deepcopy(t[0]) * 2, lambda m, t: copy.deepcopy(t[1]) * 2),
    "torch.save, of what": (lambda m, t: saved(t[0]) * 2, lambda m, t: saved(t[1]) * 2),
    "the exponent of a loop": (lambda m, t: repeated(m.linear, t, 2), lambda m, t: repeated(m.linear, t, 3)),
    "autocast": (lambda m, t: m.linear(t), lambda m, t: cast(m.linear, t, torch.bfloat16)),
    "autocast, its type": (
        lambda m, t: cast(m.linear, t, torch.float16),
        lambda m, t: cast(m.linear, t, torch.bfloat16),
    ),
    "autocast, how far": (
        lambda m, t: cast(lambda u: m.other(m.linear(u)), t, torch.bfloat16),
        lambda m, t: m.other(cast(m.linear, t, torch.bfloat16).float()),
    ),
    "autocast, disabled inside": (
        lambda m, t: cast(lambda u: cast(m.linear, u, torch.bfloat16), t, torch.bfloat16),
        lambda m, t: cast(lambda u: cast(m.linear, u, torch.bfloat16, False), t, torch.bfloat16),
    ),
}


def iter_reversed(t: Tensor) -> Iterator[Tensor]:
    yield t[4:]
    yield t[:4]


def repeated(function: Callable[[Tensor], Tensor], t: Tensor, times: int) -> Tensor:
    for _ in range(times):
        t = function(t)
    return t


def cast(function: Callable[[Tensor], Tensor], t: Tensor, dtype: torch.dtype, enabled: bool = True) -> Tensor:
    with torch.autocast("cpu", dtype=dtype, enabled=enabled):
        return function(t)


def flows() -> list[Planted]:
    """Another operator in front of each step; then the steps themselves."""
    found = [
        Planted(
            "flow",
            f"what feeds {name}",
            lambda s=step: Fed(s, F.relu),
            lambda s=step: Fed(s, F.gelu),
            INPUTS[:1],
        )
        for name, step in FED.items()
    ]
    for name, (base, head) in INSIDE.items():
        kind = "precision" if name.startswith("autocast") else "flow"
        found.append(
            Planted(kind, f"inside: {name}", lambda s=base: Fed(s), lambda s=head: Fed(s), INPUTS[:1])
        )
    return found

"""Pairs that compute the same and are written in another way: no difference must be told.

Expressions are written as in `planted`: `<<a | b>>` is `a` in the base and `b` in the head.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import flex_attention

from .planted import INPUTS, Planted, X, written
from .planted_modules import IMAGE, Net, linear

COMMUTATIVE = """
<<x + w | w + x>>
<<x + y | y + x>>
<<x + b | b + x>>
<<w + v | v + w>>
<<x + 2 | 2 + x>>
<<x * 2 | 2 * x>>
<<x * w | w * x>>
<<x * y | y * x>>
<<x * b | b * x>>
torch.add(<<x, w | w, x>>)
torch.mul(<<x, w | w, x>>)
torch.mul(input=<<x | w>>, other=<<w | x>>)
torch.maximum(<<x, w | w, x>>)
torch.minimum(<<x, y | y, x>>)
torch.max(<<x, w | w, x>>)
torch.eq(<<x, w | w, x>>)
torch.logical_and(<<x > 0, w > 0 | w > 0, x > 0>>)
torch.bitwise_or(<<i, i.flip(0) | i.flip(0), i>>)
<<(x > 0) & (w > 0) | (w > 0) & (x > 0)>>
<<x.add(w) | w.add(x)>>
<<x.mul(w) | w.mul(x)>>
<<x + torch.ones(8) | torch.ones(8) + x>>
<<x * np.float32(0.5) | x * 0.5>>
<<x * w + y | y + w * x>>
<<x.relu() + x.sigmoid() | x.sigmoid() + x.relu()>>
<<x @ w + x @ v | x @ v + x @ w>>
"""

SPELLINGS = """
<<x.relu() | F.relu(x)>>
<<x.relu() | torch.relu(x)>>
<<F.relu(x) | F.relu(x, inplace=False)>>
<<x.sigmoid() | torch.sigmoid(x)>>
<<x.sigmoid() | F.sigmoid(x)>>
<<x.tanh() | torch.tanh(x)>>
<<x.exp() | torch.exp(x)>>
<<x.softmax(1) | F.softmax(x, dim=1)>>
<<x.softmax(1) | torch.softmax(x, 1)>>
<<x.softmax(dim=1) | x.softmax(1)>>
<<abs(x) | x.abs()>>
<<-x | x.neg()>>
<<x + y | x.add(y)>>
<<x + y | torch.add(x, y)>>
<<x + y | torch.add(x, y, alpha=1)>>
<<x - y | torch.sub(x, y)>>
<<x / y | x.div(y)>>
<<x * y | torch.mul(input=x, other=y)>>
<<x @ w | torch.matmul(x, w)>>
<<x @ w | x.matmul(w)>>
<<x ** 2 | x.pow(2)>>
<<x ** 2 | torch.pow(x, 2)>>
<<x > 0 | x.gt(0)>>
<<x > 0 | torch.gt(x, 0)>>
<<x == y | x.eq(y)>>
<<x.transpose(0, 1) | torch.transpose(x, 0, 1)>>
<<x.transpose(0, 1) | x.transpose(dim0=0, dim1=1)>>
<<x.permute(1, 0) | x.permute((1, 0))>>
<<x.permute(1, 0) | torch.permute(x, [1, 0])>>
<<x.view(4, 16) | x.view((4, 16))>>
<<x.view(4, 16) | x.view([4, 16])>>
<<x.view(4, 16) | x.view(torch.Size([4, 16]))>>
<<x.reshape(4, 16) | torch.reshape(x, (4, 16))>>
<<x.reshape(4, 16) | x.reshape([4, 16])>>
<<x.flatten() | torch.flatten(x, 0)>>
<<x.repeat(2, 1) | x.repeat((2, 1))>>
<<x.expand(2, 8, 8) | x.expand((2, 8, 8))>>
<<x.sum(0) | x.sum(dim=0)>>
<<x.sum(0) | torch.sum(x, 0)>>
<<x.sum(0) | x.sum((0,))>>
<<x.sum((0, 1)) | x.sum([0, 1])>>
<<x.mean(0) | x.mean(0, keepdim=False)>>
<<x.mean(0) | x.mean(np.int64(0))>>
<<x.std() | x.std(unbiased=True)>>
<<x.clamp(0, 1) | x.clamp(min=0, max=1)>>
<<x.clamp(0, 1) | torch.clamp(x, 0, 1)>>
<<x.clamp(0, 1) | x.clamp(0.0, 1.0)>>
<<x.clamp(min=0) | x.clamp(0)>>
<<x + 1 | x + 1.0>>
<<x * 2 | x * 2.0>>
<<x ** 2 | x ** 2.0>>
<<x > 0 | x > 0.0>>
<<F.leaky_relu(x, 0.01) | F.leaky_relu(x)>>
<<F.leaky_relu(x, 0.2) | F.leaky_relu(input=x, negative_slope=0.2)>>
<<F.softplus(x) | F.softplus(x, beta=1, threshold=20)>>
<<F.softplus(x, 2) | F.softplus(x, 2.0)>>
<<F.gelu(x) | F.gelu(x, approximate="none")>>
<<F.layer_norm(x, (8,)) | F.layer_norm(x, [8], None, None, 1e-05)>>
<<F.layer_norm(x, (8,)) | F.layer_norm(x, normalized_shape=(8,), eps=1e-5)>>
<<F.linear(x, w) | F.linear(x, weight=w)>>
<<F.linear(x, w) | F.linear(input=x, weight=w, bias=None)>>
<<F.conv2d(im(x), k(w), stride=2) | F.conv2d(im(x), k(w), stride=(2, 2))>>
<<F.conv2d(im(x), k(w), stride=2) | F.conv2d(im(x), k(w), None, 2)>>
<<F.conv2d(im(x), k(w), padding=1) | F.conv2d(im(x), k(w), padding=[1, 1])>>
<<F.conv2d(im(x), k(w)) | F.conv2d(im(x), k(w), None, 1, 0, 1, 1)>>
<<F.max_pool2d(im(x), 2) | F.max_pool2d(im(x), (2, 2), stride=(2, 2))>>
<<F.max_pool2d(im(x), 2) | F.max_pool2d(im(x), 2, stride=2)>>
<<F.max_pool2d(im(x), 2) | F.max_pool2d(im(x), 2, None, 0, 1, False, False)>>
<<F.avg_pool2d(im(x), 2) | F.avg_pool2d(im(x), 2, 2, 0, False, True)>>
<<F.adaptive_avg_pool2d(im(x), 1) | F.adaptive_avg_pool2d(im(x), (1, 1))>>
<<F.interpolate(im(x), scale_factor=2) | F.interpolate(im(x), scale_factor=2.0, mode="nearest")>>
<<F.interpolate(im(x), scale_factor=2) | F.interpolate(im(x), scale_factor=(2, 2))>>
<<F.pad(x, (1, 1)) | F.pad(x, [1, 1], mode="constant")>>
<<F.dropout(x, 0.5, False) | F.dropout(x, p=0.5, training=False)>>
<<torch.cat([x, y]) | torch.cat((x, y))>>
<<torch.cat([x, y]) | torch.cat([x, y], dim=0)>>
<<torch.cat([x, y]) | torch.cat(tensors=[x, y], dim=0)>>
<<torch.stack([x, y]) | torch.stack((x, y), 0)>>
<<x[0] | x[np.int64(0)]>>
<<x[:4] | x[:np.int64(4)]>>
<<x[0, 1] | x[(0, 1)]>>
<<x[[0, 1]] | x[list(range(2))]>>
<<x.narrow(0, 1, 4) | x.narrow(dim=0, start=1, length=4)>>
<<x.narrow(0, 1, 4) | torch.narrow(x, 0, np.int64(1), 4)>>
<<x.chunk(2)[0] | torch.chunk(x, chunks=2, dim=0)[0]>>
<<x.split(4)[0] | x.split(split_size=4, dim=0)[0]>>
<<x.masked_fill(x > 0, 0) | x.masked_fill(x > 0, 0.0)>>
<<x.masked_fill(x > 0, 0.0) | torch.masked_fill(x, mask=x > 0, value=0.0)>>
<<torch.where(x > 0, x, y) | torch.where(x > 0, input=x, other=y)>>
<<x.to(torch.float64) | x.to(dtype=torch.float64)>>
<<x.to(torch.float64) | x.to(torch.double)>>
<<x.clone().add_(1) | x.clone().add_(1.0)>>
<<torch.full((8,), 2.0) * x | torch.full([8], 2.0) * x>>
<<torch.full((8,), 2.0) * x | torch.full(size=(8,), fill_value=2.0) * x>>
<<torch.zeros(8) + x | torch.zeros((8,)) + x>>
<<torch.tensor([1.0] * 8) * x | torch.tensor((1.0,) * 8) * x>>
<<torch.tensor([1.0] * 8) * x | torch.tensor(data=[1.0] * 8) * x>>
<<torch.einsum("ij,jk->ik", x, w) | torch.einsum("ij,jk->ik", [x, w])>>
F.scaled_dot_product_attention(<<x[None], y[None], y[None] | query=x[None], key=y[None], value=y[None]>>)
<<{"a": x, "b": y} | dict(a=x, b=y)>>
<<[x, y] | [t for t in (x, y)]>>
<<(x, y) | tuple([x, y])>>
<<torch.vmap(lambda t: t * 2)(x) | torch.vmap(lambda row: row * 2)(x)>>
<<torch.vmap(lambda t: t * 2)(x) | torch.vmap(func=lambda t: t * 2, in_dims=0, out_dims=0)(x)>>
"""


class Functional(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def functional(
    name: str, layer: Callable[[], nn.Module], function: Callable[[Tensor], Tensor], x: Any
) -> Planted:
    return Planted("as a function", name, layer, lambda: Functional(function), (x,))


def functionals() -> list[Planted]:
    """A module without parameters, and the function that it calls: the trees differ, the graphs do not."""
    return [
        functional("ReLU", nn.ReLU, torch.relu, X),
        functional("ReLU, method", nn.ReLU, Tensor.relu, X),
        functional("Sigmoid", nn.Sigmoid, torch.sigmoid, X),
        functional("Tanh", nn.Tanh, Tensor.tanh, X),
        functional("GELU", nn.GELU, F.gelu, X),
        functional("SiLU", nn.SiLU, F.silu, X),
        functional("LeakyReLU", nn.LeakyReLU, F.leaky_relu, X),
        functional("Softmax", lambda: nn.Softmax(1), lambda x: x.softmax(1), X),
        functional("LogSoftmax", lambda: nn.LogSoftmax(1), lambda x: F.log_softmax(x, 1), X),
        functional("MaxPool2d", lambda: nn.MaxPool2d(2), lambda x: F.max_pool2d(x, 2), IMAGE),
        functional("AvgPool2d", lambda: nn.AvgPool2d(2), lambda x: F.avg_pool2d(x, 2), IMAGE),
        functional(
            "AdaptiveAvgPool2d", lambda: nn.AdaptiveAvgPool2d(1), lambda x: F.adaptive_avg_pool2d(x, 1), IMAGE
        ),
        functional("Flatten", nn.Flatten, lambda x: torch.flatten(x, 1), IMAGE),
        functional("Flatten, method", nn.Flatten, lambda x: x.flatten(1), IMAGE),
        functional("PixelShuffle", lambda: nn.PixelShuffle(2), lambda x: F.pixel_shuffle(x, 2), IMAGE),
        functional("wrapped in Sequentials", nn.ReLU, nn.Sequential(nn.Sequential(nn.ReLU())), X),
    ]


# Forwards of a model with two layers, `m.a` and `m.b`


def plain(m, x):
    return m.a(x).relu() - m.b(x).sin()


def other_order(m, x):
    right = m.b(x).sin()
    left = m.a(x).relu()
    return left - right


def interleaved(m, x):
    a, b = m.a(x), m.b(x)
    b = b.sin()
    return a.relu() - b


def other_names(m, features):
    hidden = m.a(features)
    activated = hidden.relu()
    shifted = m.b(features).sin()
    return activated - shifted


def looks_at_shapes(m, x):
    rows, columns = x.shape
    assert x.dim() == 2
    assert rows == len(x)
    assert x.size(1) == columns
    if x.is_floating_point() and x.dtype == torch.float32 and not x.is_cuda:
        logging.getLogger("m").debug("%s %s %s", x.shape, x.device, x.stride())
    return plain(m, x)


def asks_around(m, x):
    assert torch.is_tensor(x)
    assert isinstance(x, Tensor)
    assert x.numel() * x.element_size() == 256
    _ = x.requires_grad, x.is_contiguous(), x.is_leaf, x.layout, x.ndim
    if torch.jit.is_scripting() or torch.jit.is_tracing() or torch.is_grad_enabled():
        return plain(m, x)
    return plain(m, x)


def in_contexts(m, x):
    with contextlib.nullcontext(), warnings.catch_warnings(), torch.no_grad():
        return plain(m, x)


def recorded(m, x):
    with torch.profiler.record_function("block"), torch.autograd.profiler.record_function("inner"):
        return plain(m, x)


def without_autocast(m, x):
    with torch.autocast("cpu", enabled=False):
        return plain(m, x)


def computes_in_vain(m, x):
    _ = x.exp().sum()
    return plain(m, x)


def by_a_helper(m, x):
    @functools.wraps(plain)
    def helper(*args: Any, **kwargs: Any) -> Tensor:
        return plain(*args, **kwargs)

    return helper(m, x=x)


def by_getattr(m, x):
    first, second = (getattr(m, name) for name in "ab")
    return torch.relu(input=first(x)) - torch.sin(second(x))


def called_by_keyword(m, x):
    return m.a(input=x).relu() - m.b(input=x).sin()


def tries(m, x):
    try:
        return plain(m, x)
    except ValueError:
        return x


def with_state(m, x):
    m.seen = None
    m.notes = {"shape": tuple(x.shape)}
    return plain(m, x)


def scored(score, b, h, q, k):
    return score + 1.0 * q


def scored_otherwise(s, batch, head, query, key):
    bias = 1.0 * query
    return s + bias


def attends(mod):
    def forward(m, x):
        heads = x.view(1, 1, 8, 8)
        return flex_attention(heads, heads, heads, score_mod=mod)

    return forward


def looped(m, x):
    for layer in (m.a, m.b):
        x = layer(x)
    return x


def folded(m, x):
    return functools.reduce(lambda t, layer: layer(t), [m.a, m.b], x)


def sized(m, x):
    return m.a(x).view(x.shape[0], 2, 4)


def sized_by_numbers(m, x):
    return m.a(x).view(8, 2, 4)


def sized_by_size(m, x):
    n, _ = x.size()
    return m.a(x).view(n, 2, x.size(-1) // 2)


FORWARDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    **{
        f.__name__: (plain, f)
        for f in (
            other_order,
            interleaved,
            other_names,
            looks_at_shapes,
            asks_around,
            in_contexts,
            recorded,
            without_autocast,
            computes_in_vain,
            by_a_helper,
            by_getattr,
            called_by_keyword,
            tries,
            with_state,
        )
    },
    "a function by another name": (attends(scored), attends(scored_otherwise)),
    "a loop": (lambda m, x: m.b(m.a(x)), looped),
    "reduce": (looped, folded),
    "a size asked for": (sized_by_numbers, sized),
    "a size asked for in another way": (sized, sized_by_size),
    "heads change places": (
        lambda m, x: {"a": m.a(x), "b": m.b(x)},
        lambda m, x: (lambda b: {"a": m.a(x), "b": b})(m.b(x)),
    ),
    "branches change places": (
        lambda m, x: torch.cat([m.a(x).relu(), m.b(x).relu()]),
        lambda m, x: (lambda b: torch.cat([m.a(x).relu(), b]))(m.b(x).relu()),
    ),
}


def pairs() -> list[Planted]:
    found = [*written({"commutative": COMMUTATIVE, "spelling": SPELLINGS}), *functionals()]
    for name, (base, head) in FORWARDS.items():
        sides = [lambda f=side: Net(f, a=linear(), b=linear()) for side in (base, head)]
        found.append(Planted("forward", name, *sides, INPUTS[:1]))
    return found

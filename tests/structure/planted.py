"""Pairs of models that compute something else: each change must be seen, by the fingerprint and by the difference.

Most are expressions: `<<a | b>>` is `a` in the base and `b` in the head. They know the parameters `w` and `v`, the
buffer `b`, the inputs `x` and `y` (8x8) and `i` (a permutation of 0 to 7), and what is in `NAMES`.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

KINDS = ("attribute", "order", "operand", "constant", "container", "flow", "module", "left on", "precision")


class Planted(NamedTuple):
    """A change. `alike`: the two give the same numbers, and what they are made of differs."""

    kind: str
    name: str
    base: Callable[[], nn.Module]
    head: Callable[[], nn.Module]
    inputs: tuple[Any, ...]
    alike: bool = False

    def __repr__(self) -> str:
        return f"{self.kind}: {self.name}"


def drawn(seed: int, *size: int) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


X, Y = drawn(1, 8, 8), drawn(2, 8, 8)
INDEX = torch.tensor([3, 0, 6, 1, 7, 2, 5, 4])
INPUTS = (X, Y, INDEX)


class Expression(nn.Module):
    """`function(w, v, b, x, y, i)`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.w, self.v = nn.Parameter(torch.randn(8, 8)), nn.Parameter(torch.randn(8, 8))
        self.register_buffer("b", torch.randn(8, 8))
        self.function = function

    def forward(self, x, y, i):
        return self.function(self.w, self.v, self.b, x, y, i)


Two = collections.namedtuple("Two", "a b")
Other = collections.namedtuple("Other", "a c")


@dataclasses.dataclass
class Boxed:
    a: Any = None
    b: Any = None


@dataclasses.dataclass
class Framed:
    a: Any = None
    c: Any = None


class Made:
    """An object of the user's, as some models return them."""

    def __init__(self, **held: Any) -> None:
        vars(self).update(held)


def many(place: int) -> np.ndarray:
    """A long array with one element that is another."""
    values = np.arange(4096.0)
    values[place] = -1
    return values


def images(t: torch.Tensor, channels: int = 2) -> torch.Tensor:
    return t.view(1, channels, -1, 8 if channels == 2 else 4)


def kernel(w: torch.Tensor) -> torch.Tensor:
    return w.view(8, 2, 2, 2)


def grid(t: torch.Tensor) -> torch.Tensor:
    return t.view(1, 4, 8, 2)


NAMES = {
    "torch": torch,
    "F": F,
    "np": np,
    "math": math,
    "Two": Two,
    "Other": Other,
    "Boxed": Boxed,
    "Framed": Framed,
    "Made": Made,
    "Namespace": types.SimpleNamespace,
    "many": many,
    "im": images,
    "k": kernel,
    "grid": grid,
}

ATTRIBUTES = """
F.conv2d(im(x), k(w), padding=<<1 | (1, 0)>>)
F.conv2d(im(x), k(w), stride=<<1 | 2>>)
F.conv2d(im(x), k(w), None, <<1 | (1, 2)>>)
F.conv2d(im(x), k(w), padding="same", dilation=<<1 | 2>>)
F.conv2d(im(x), k(w), padding=<<"same" | "valid">>)
F.conv_transpose2d(im(x, 4)[:, :, :2].reshape(1, 8, 2, 2), k(w), stride=2, output_padding=<<0 | 1>>)
F.max_pool2d(im(x), 3, 2, ceil_mode=<<False | True>>)
F.max_pool2d(im(x), <<2 | 3>>, 1, 1)
F.max_pool2d(im(x), 2, 1, 1, <<1 | 2>>)
F.avg_pool2d(im(x), 3, 1, 1, count_include_pad=<<True | False>>)
F.avg_pool2d(im(x), 2, divisor_override=<<3 | 4>>)
F.avg_pool2d(im(x), 2, <<2 | 1>>)
F.lp_pool2d(im(x).abs(), <<2 | 3>>, 2)
F.adaptive_avg_pool2d(im(x), <<(1, 2) | (2, 1)>>)
F.interpolate(im(x), scale_factor=1.5, mode=<<"nearest" | "nearest-exact">>)
F.interpolate(im(x), scale_factor=1.5, mode=<<"bilinear" | "bicubic">>)
F.interpolate(im(x), scale_factor=2, mode="bilinear", align_corners=<<False | True>>)
F.interpolate(im(x), scale_factor=0.5, mode="bilinear", antialias=<<False | True>>)
F.interpolate(im(x), size=<<(4, 4) | (2, 8)>>)
F.grid_sample(im(x), grid(y), align_corners=False, padding_mode=<<"zeros" | "border">>)
F.grid_sample(im(x), grid(y), align_corners=False, mode=<<"bilinear" | "nearest">>)
F.grid_sample(im(x), grid(y), align_corners=<<False | True>>)
F.affine_grid(x.view(-1)[:6].view(1, 2, 3), (1, 1, 4, 4), align_corners=<<False | True>>)
F.pad(x, <<(1, 0) | (0, 1)>>)
F.pad(x, (1, 1), value=<<0.0 | 1.0>>)
F.pad(x[None], (1, 1), mode=<<"reflect" | "circular">>)
F.layer_norm(x, (8,), eps=<<1e-5 | 1e-3>>)
F.group_norm(x.view(1, 8, 8), <<2 | 4>>)
F.rms_norm(x, (8,), eps=<<1e-5 | 1e-3>>)
F.local_response_norm(im(x, 4), <<2 | 3>>)
F.leaky_relu(x, <<0.01 | 0.02>>)
F.elu(x, <<1.0 | 0.5>>)
F.gelu(x, approximate=<<"none" | "tanh">>)
F.softplus(x, <<1 | 2>>)
F.hardtanh(x, -1, <<0.5 | 1>>)
F.threshold(x, 0.1, <<0 | 1>>)
F.softshrink(x, <<0.5 | 0.25>>)
F.glu(x, <<0 | 1>>)
F.normalize(x, p=<<1.0 | 2.0>>)
F.normalize(x, dim=<<0 | 1>>)
x.softmax(<<0 | 1>>)
x.sum(<<0 | 1>>)
x.mean(0, keepdim=<<False | True>>)
x.view(2, 2, 2, 8).mean(<<(2, 3) | (1, 2)>>)
x.std(unbiased=<<True | False>>)
x.var(correction=<<1 | 2>>)
x.norm(p=<<1 | 2>>)
x.norm(p=<<float("inf") | float("-inf")>>)
torch.linalg.norm(x, <<"fro" | "nuc">>)
torch.linalg.vector_norm(x, <<3 | 4>>)
torch.linalg.matrix_norm(x, <<1 | -1>>)
torch.matrix_power(x, <<2 | 3>>)
x.cumsum(<<0 | 1>>)
x.logsumexp(<<0 | 1>>)
x.flip(<<0 | 1>>)
x.roll(<<1 | 2>>, 0)
x.roll(1, <<0 | 1>>)
x.rot90(<<1 | 2>>)
x.tril(<<0 | -1>>)
x.triu(<<1 | 2>>)
x.diagonal(<<1 | -1>>)
x.topk(3, largest=<<True | False>>)[0]
x.topk(<<2 | 3>>)[0]
x.sort(dim=<<0 | 1>>)[0]
x.sort(descending=<<False | True>>)[0]
x.argmax(<<0 | 1>>)
x.kthvalue(<<1 | 2>>)[0]
x.quantile(<<0.5 | 0.25>>)
x.quantile(0.3, interpolation=<<"lower" | "higher">>)
x.round(decimals=<<0 | 1>>)
torch.div(x, y, rounding_mode=<<"floor" | "trunc">>)
torch.add(x, y, alpha=<<1 | 2>>)
torch.addmm(x, y, w, beta=<<1 | 2>>)
torch.addmm(x, y, w, alpha=<<1 | 2>>)
torch.addcmul(x, y, w, value=<<1 | 2>>)
torch.lerp(x, y, <<0.25 | 0.5>>)
torch.einsum(<<"ij,jk->ik" | "ij,kj->ik">>, x, y)
torch.einsum(<<"ij,ij->i" | "ij,ij->j">>, x, y)
torch.tensordot(x, y, dims=<<([1], [0]) | ([0], [0])>>)
x.view(4, 4, 4).permute(<<0, 2, 1 | 2, 1, 0>>)
x.view(4, 4, 4).transpose(<<0, 1 | 1, 2>>)
x.view(4, 4, 4).movedim(<<0, 2 | 2, 0>>)
x.view(<<4, 16 | 16, 4>>)
x.unfold(0, 2, <<1 | 2>>)
F.unfold(im(x), 2, stride=<<1 | 2>>)
F.pixel_shuffle(im(x, 4), <<1 | 2>>)
F.channel_shuffle(im(x, 4), <<2 | 4>>)
x.as_strided((4, 4), <<(8, 1) | (1, 8)>>)
x.as_strided((4, 4), (8, 1), <<0 | 3>>)
x.chunk(2)[<<0 | 1>>]
x.split(<<[2, 6] | [6, 2]>>)[0].sum()
x.narrow(0, <<0 | 1>>, 4)
x.select(<<0 | 1>>, 1)
x[<<0 | 1>>]
x[<<:4 | 4:>>]
x[<<::2 | 1::2>>]
x[<<..., 0 | 0, ...>>]
x[<<[0, 2] | [0, 3]>>]
x[<<:, None | None, :>>]
x.repeat(<<2, 1 | 1, 2>>)
x.repeat_interleave(2, <<0 | 1>>)
x.gather(<<0 | 1>>, i[None].expand(8, 8))
F.one_hot(i, <<8 | 9>>)
F.scaled_dot_product_attention(x[None], y[None], y[None], is_causal=<<False | True>>)
F.scaled_dot_product_attention(x[None], y[None], y[None], scale=<<0.5 | 0.25>>)
F.embedding(i, w, max_norm=<<None | 1.0>>)
F.embedding_bag(i[None], w, mode=<<"mean" | "sum">>)
F.cosine_similarity(x, y, <<0 | 1>>)
torch.cdist(x, y, <<1.0 | 2.0>>)
F.pairwise_distance(x, y, <<1 | 2>>)
F.cross_entropy(x, i, reduction=<<"sum" | "mean">>)
F.cross_entropy(x, i, label_smoothing=<<0.0 | 0.1>>)
F.smooth_l1_loss(x, y, beta=<<1.0 | 0.5>>)
F.mse_loss(x, y, reduction=<<"none" | "mean">>)
torch.fft.fft(x, norm=<<"ortho" | "forward">>).abs()
torch.fft.rfft(x, dim=<<0 | 1>>).abs().sum()
torch.stack([x, y], <<0 | 1>>)
torch.cat([x, y], <<0 | 1>>)
torch.meshgrid(x[0], y[0], indexing=<<"ij" | "xy">>)[0]
torch.bucketize(x.round(), torch.arange(3.0), right=<<False | True>>)
torch.searchsorted(torch.arange(8), i, side=<<"left" | "right">>)
torch.histc(x, 4, -1, <<1 | 2>>)
x.clamp(0, <<1 | 2>>)
x.clamp(<<min | max>>=0.5)
x.log().nan_to_num(<<0.0 | 1.0>>)
x.index_add(0, i, y, alpha=<<1 | 2>>)
x.scatter_reduce(0, i[None].expand(8, 8), y, <<"sum" | "amax">>)
x.scatter_reduce(0, i[None].expand(8, 8), y, "sum", include_self=<<True | False>>)
torch.rand(8, 8).bernoulli(<<0.5 | 0.25>>) * x
torch.randn(8).normal_(0, <<1 | 2>>) * x
torch.randint(0, <<3 | 5>>, (8,)) + x
F.gumbel_softmax(x, hard=<<False | True>>)
F.gumbel_softmax(x, tau=<<1 | 2>>)
"""

ORDER = """
<<F.relu(x + 1) | F.relu(x) + 1>>
<<x.sin().cos() | x.cos().sin()>>
<<(x @ w).relu() | x.relu() @ w>>
<<F.layer_norm(x @ w, (8,)) | F.layer_norm(x, (8,)) @ w>>
<<(x * 2 + 1) | (x + 1) * 2>>
<<x.softmax(1).log() | x.log_softmax(1).exp()>>
<<x.sum(0).exp() | x.exp().sum(0)>>
<<x.clone().add_(1).mul_(2) | x.clone().mul_(2).add_(1)>>
<<x.flip(0).cumsum(0) | x.cumsum(0).flip(0)>>
<<x.reshape(4, 16).t().reshape(8, 8) | x.t().reshape(4, 16).reshape(8, 8)>>
<<(x @ w) @ v | (x @ v) @ w>>
<<x.clamp(min=0.5).neg() | x.neg().clamp(min=0.5)>>
<<(x + y).relu() + y | (x + y) + y.relu()>>
"""

OPERANDS = """
<<x @ w | w @ x>>
<<w @ v | v @ w>>
<<x @ y | y @ x>>
<<x @ b | b @ x>>
<<x - w | w - x>>
<<w - v | v - w>>
<<x - y | y - x>>
<<b - x | x - b>>
<<w - b | b - w>>
<<x / w | w / x>>
<<x / y | y / x>>
<<x / 2 | 2 / x>>
<<x - 2 | 2 - x>>
<<x ** 2 | 2 ** x>>
<<x.abs() ** y | y ** x.abs()>>
<<x // 2 | 2 // x>>
<<x % 2 | 2 % x>>
<<x % y | y % x>>
<<x > y | y > x>>
<<x > 0.5 | 0.5 > x>>
<<x >= w | w >= x>>
<<i << 2 | 2 << i>>
torch.rsub(<<x, y | y, x>>)
torch.sub(input=<<x | w>>, other=<<w | x>>)
torch.sub(<<x, y | y, x>>, alpha=2)
torch.add(<<x, y | y, x>>, alpha=2)
torch.add(<<x, w | w, x>>, alpha=3)
torch.ones(8, 8) @ x - <<torch.ones(8, 8) @ w | x>>
<<torch.ones(8, 8) - x | x - torch.ones(8, 8)>>
<<np.float32(2) - x | x - np.float32(2)>>
<<x @ torch.arange(64.0).view(8, 8) | torch.arange(64.0).view(8, 8) @ x>>
torch.where(x > 0, <<x, w | w, x>>)
torch.where(x > 0, <<x, 0.5 | 0.5, x>>)
torch.where(x > 0, <<x, torch.tensor(0.5) | torch.tensor(0.5), x>>)
torch.where(x > 0, <<1.0, 2.0 | 2.0, 1.0>>)
torch.where(<<x > 0, x, y | y > 0, x, y>>)
torch.cat([<<w, x | x, w>>])
torch.cat([<<w, v | v, w>>])
torch.cat([<<x, y | y, x>>])
torch.cat([<<b, w | w, b>>])
torch.cat([<<x, torch.zeros(8, 8) | torch.zeros(8, 8), x>>])
torch.cat([<<x, x, w | x, w, w>>])
torch.stack(tensors=(<<x, w | w, x>>), dim=1)
torch.hstack((<<x, w, v | x, v, w>>))
torch.block_diag(<<x, w | w, x>>)
torch.linalg.multi_dot([<<x, w, v | x, v, w>>])
torch.cartesian_prod(<<x[0], w[0] | w[0], x[0]>>)
torch.meshgrid(<<x[0], w[0] | w[0], x[0]>>, indexing="ij")[0]
torch.broadcast_tensors(<<x, y | y, x>>)[0]
torch.einsum("ij,jk->ik", <<x, w | w, x>>)
torch.einsum("ij,jk,kl->il", <<x, w, v | x, v, w>>)
torch.einsum("ij,jk->ik", [<<x, y | y, x>>])
torch.addmm(<<x, w, v | w, x, v>>)
torch.addmm(x, <<w, v | v, w>>)
torch.addcmul(<<x, w, v | w, x, v>>)
torch.addcdiv(x, <<w, v | v, w>>)
torch.baddbmm(<<x[None], y[None], w[None] | y[None], x[None], w[None]>>)
torch.lerp(<<x, y, w | y, x, w>>)
torch.lerp(x, y, <<w | v>>)
torch.outer(<<x[0], w[0] | w[0], x[0]>>)
torch.kron(<<x, w | w, x>>)
torch.linalg.cross(<<x[:, :3], w[:, :3] | w[:, :3], x[:, :3]>>)
torch.atan2(<<x, w | w, x>>)
torch.copysign(<<x, w | w, x>>)
torch.heaviside(<<x, w | w, x>>)
torch.complex(<<x, w | w, x>>).angle()
torch.isclose(<<x, x * 1.1 | x * 1.1, x>>, rtol=0.095, atol=0.0)
torch.linalg.solve(<<x, w | w, x>>)
torch.cdist(<<x, w | w, x>>)
torch.searchsorted(<<x[0].sort()[0], w[0] | w[0].sort()[0], x[0]>>)
F.linear(<<x, w | w, x>>)
F.linear(x, <<w, v[0] | v, w[0]>>)
F.linear(x, weight=<<w | v>>, bias=<<v | w>>[0])
F.bilinear(<<x, y | y, x>>, w.view(1, 8, 8))
F.embedding(i, <<w | v>>)
F.layer_norm(x, (8,), <<w[0], v[0] | v[0], w[0]>>)
F.layer_norm(x, (8,), <<weight | bias>>=w[0])
F.batch_norm(x, <<w[0].abs(), v[0].abs() | v[0].abs(), w[0].abs()>>)
F.batch_norm(x, b[0], b[1].abs(), <<w[0], w[1] | w[1], w[0]>>)
F.conv2d(<<im(x), k(w) | im(w), k(x)>>)
F.prelu(x, <<w | v>>[0])
F.scaled_dot_product_attention(<<x[None], y[None] | y[None], x[None]>>, w[None])
F.scaled_dot_product_attention(x[None], <<w[None], v[None] | v[None], w[None]>>)
F.scaled_dot_product_attention(x[None], y[None], y[None], attn_mask=<<w | v>>)
F.scaled_dot_product_attention(x[None], y[None], y[None], attn_mask=<<x > 0 | y > 0>>)
F.cosine_embedding_loss(x, y, <<w | v>>[0].sign())
F.kl_div(<<x.log_softmax(1), y.softmax(1) | y.log_softmax(1), x.softmax(1)>>, reduction="sum")
F.cross_entropy(x, i, weight=<<w[0].abs() | v[0].abs()>>)
F.triplet_margin_loss(x, <<y, w | w, y>>)
x.clamp(<<min=w | max=w>>)
x.clamp(<<min=w, max=v | min=v, max=w>>)
x.clamp(<<w, None | None, w>>)
x.masked_fill(<<x > 0 | y > 0>>, 0.0)
x.masked_fill(x > 0, <<w | v>>.sum())
x.index_add(0, i, <<w | v>>)
x.index_copy(0, <<i, w | i.flip(0), w>>)
x.scatter(0, i[None], <<w | v>>[:1])
x.gather(0, <<i[None] | i.flip(0)[None]>>)
x.index_put((i[:2], <<i[2:4] | i[4:6]>>), w[0, :2])
x[<<i, i.flip(0) | i.flip(0), i>>] + x[<<i, 0 | 0, i>>]
x[<<i[:2] | i[2:4]>>]
x[<<i, 1 | 1, i>>]
<<(x - w) * v | (x - v) * w>>
<<(x + w) * v | (x + v) * w>>
<<(x + y) * w | (x + w) * y>>
<<x + x | x + w>>
<<x * w * w | x * x * w>>
<<x + w | x + v>>
<<x + w | x + b>>
<<x + w | x + y>>
<<x + y * 2 | y + x * 2>>
<<x - x.t() | x.t() - x>>
<<x.clone().sub_(w) | w.clone().sub_(x)>>
<<x.clone().copy_(y) | y.clone().copy_(x)>>
x.max(0)[<<0 | 1>>]
x.sort()[<<0 | 1>>]
torch.std_mean(x)[<<0 | 1>>]
x.frexp()[<<0 | 1>>]
torch.var_mean(x, 0)[<<0 | 1>>]
torch.linalg.qr(x)[<<0 | 1>>]
torch.linalg.eigh(x + x.t())[<<0 | 1>>].sum(-1)
torch.view_as_real(torch.complex(x, y))[..., <<0 | 1>>]
torch.complex(x, y).<<real | imag>>
<<x.T @ w | x @ w.T>>
(lambda a, c: <<a - c | c - a>>)(*x.chunk(2))
(lambda q, k, s: (q @ k.t()) @ s)(<<x @ w, x @ v, x | x @ v, x @ w, x>>)
(lambda d: <<d - d | d - F.dropout(x, 0.5, True)>>)(F.dropout(x, 0.5, True))
(lambda r: <<r - r | r - torch.rand(8)>>)(torch.rand(8)) + x
(lambda z: (z.add_(1), z + <<z | torch.zeros(8)>>)[1])(torch.zeros(8)) + x
(lambda a, c: x * <<a - c | c - a>>)(torch.full((8,), 2.0), torch.full((8,), 3.0))
"""

CONSTANTS = """
x * <<0.5 | 0.25>>
x + <<1 | 2>>
x * <<1e-12 | 1e-13>>
x.double() * <<0.3 | 0.30000000000000004>>
x.round().long() + <<2**53 | 2**53 + 1>>
i * <<2 | 2.0>>
torch.copysign(x, <<0.0 | -0.0>>)
x * np.float32(<<0.5 | 0.25>>)
x * np.float64(<<0.5 | 0.25>>)
x + np.int64(<<1 | 2>>)
x + np.uint8(<<1 | 2>>)
x * np.bool_(<<True | False>>)
x + np.array([1.0, 2.0]).<<min | max>>()
x * np.complex128(<<1j | 2j>>)
(x * (1 + <<2j | 3j>>)).abs()
x * complex(<<1, 2 | 2, 1>>)
x ** np.float32(<<2 | 3>>)
x * math.<<pi | e>>
x * torch.tensor(<<0.5 | 0.25>>)
x * torch.as_tensor(<<0.5 | 0.25>>)
x * torch.as_tensor(np.array(<<0.5 | 0.25>>))
x * torch.as_tensor([<<1.0, 2.0 | 2.0, 1.0>>] * 4)
x * torch.asarray([<<1.0, 2.0 | 2.0, 1.0>>] * 4)
x * torch.from_numpy(np.full(8, <<2.0 | 3.0>>))
x * torch.from_numpy(np.arange(<<8.0 | 1.0, 9.0>>))
x * torch.from_numpy(np.<<ones | zeros>>(8))
x * torch.from_numpy(np.ones(8, np.<<float32 | float64>>))
x * torch.tensor(np.array([<<1.0 | 2.0>>] * 8))
x * torch.tensor([[<<1.0, 2.0 | 2.0, 1.0>>] * 4] * 8)
x * torch.Tensor([<<1.0, 2.0 | 2.0, 1.0>>] * 4)
x * torch.FloatTensor([<<1.0 | 2.0>>] * 8)
x * torch.scalar_tensor(<<1.0 | 2.0>>)
x * torch.full((8,), <<2.0 | 3.0>>)
x * torch.full_like(x, <<2.0 | 3.0>>)
x * x.new_full((8,), <<2.0 | 3.0>>)
x * x.new_tensor([<<2.0 | 3.0>>])
x * x.<<new_zeros | new_ones>>((8,))
x * torch.<<ones | zeros>>(8)
x * torch.<<ones_like | zeros_like>>(x)
x * torch.empty(8).fill_(<<1.0 | 2.0>>)
x * torch.arange(<<8.0 | 1.0, 9.0>>)
x * torch.arange(0, 16, 2).<<add | mul>>(3)
x * torch.linspace(0, <<1 | 2>>, 8)
x * torch.logspace(0, <<1 | 2>>, 8)
x * torch.eye(8, <<8 | 8, dtype=torch.float64>>)
x * torch.<<eye(8) | ones(8, 8)>>
x * torch.<<hann | hamming>>_window(8)
x * torch.kaiser_window(8, True, <<12.0 | 6.0>>)
x * torch.ones(8, dtype=torch.<<float32 | float64>>)
x + torch.tensor([0], dtype=torch.<<int64 | complex64>>)
x[np.int64(<<0 | 1>>)]
x[:, np.int32(<<0 | 1>>)]
x[np.array([<<0, 1 | 0, 2>>])]
x[np.int64(<<0 | 1>>):np.int64(4)]
x[<<0 | 1>>:np.int64(4)].sum()
x[np.array([<<True, False | False, True>>] * 4)]
x[torch.tensor([<<0, 1 | 0, 2>>])]
x[torch.tensor([<<True, False | False, True>>] * 4)]
x[[<<True, False | False, True>>] * 4]
x[(<<0 | 1>>,)]
x[[<<0, 1 | 0, 2>>], [3, 4]]
x[range(<<0, 4 | 1, 5>>)]
x.index_select(0, torch.tensor([<<0 | 1>>]))
x.sum(np.int64(<<0 | 1>>))
x.narrow(0, np.int64(<<0 | 1>>), 2)
x.roll(int(np.int64(<<1 | 2>>)), 0)
x.masked_fill(x > 0, float(<<"inf" | "-inf">>))
x.masked_fill(x > 0, float(<<"nan" | "inf">>))
x.masked_fill(x > 0, np.<<nan | inf>>)
x.masked_fill(x > 0, torch.finfo(x.dtype).<<min | max>>)
x * torch.tensor([float(<<"nan" | "inf">>)])
x.sum() * torch.as_tensor(many(<<2000 | 2001>>))
x.sum() * torch.from_numpy(many(<<2000 | 2001>>))
x.sum() * torch.tensor(list(many(<<2000 | 2001>>)))
x.sum() + many(<<2000 | 2001>>).argmin()
x.view(-1)[[<<0 | 1>>] + [5] * 300]
x.view(-1)[np.array([7] * 300 + [<<0 | 1>>])]
x * torch.tensor(list(range(8)))[<<0 | 1>>]
torch.rand(8, generator=torch.Generator().manual_seed(<<0 | 1>>)) + x
(torch.manual_seed(<<0 | 1>>), torch.rand(8) + x)[1]
torch.where(x > <<0.0 | 0.5>>, x, 0.0)
torch.tensor(<<1.0 | 2.0>>) - x
torch.stack([x[0], torch.tensor([<<1.0 | 2.0>>] * 8)])
torch.clamp(x, torch.tensor(<<0.0 | 0.5>>), torch.tensor(1.0))
x.clone().fill_(<<1.0 | 2.0>>)
x.clone().index_fill_(0, torch.tensor([<<0 | 1>>]), 0.0)
x + torch.triu(torch.full((8, 8), -np.inf), <<1 | 2>>)
F.interpolate(im(x), scale_factor=np.float64(<<1.5 | 2.0>>))
F.layer_norm(x, (8,), eps=np.float64(<<1e-5 | 1e-3>>))
torch.ops.aten.mul.Scalar(x, <<2 | 3>>)
torch.ops.aten.leaky_relu(x, <<0.1 | 0.2>>)
x * (lambda *, gain=<<2.0 | 3.0>>: gain)()
x * sum(<<1 | 2>> for _ in range(3))
x * {"a": <<0.5 | 0.25>>}["a"]
"""

CONTAINERS = """
<<{"a": x + 1, "b": x + 2} | {"c": x + 1, "b": x + 2}>>
<<{"a": x, "b": y} | {"a": y, "b": x}>>
<<(x, y) | [x, y]>>
<<(x, y) | (y, x)>>
<<[x, w] | [w, x]>>
<<(x, y) | {"0": x, "1": y}>>
<<(x,) | x>>
<<[x] | [x, x]>>
<<((x,), y) | (x, (y,))>>
<<(x, y, w) | ((x, y), w)>>
<<[[x], [y]] | [[x, y]]>>
<<{"a": {"b": x}} | {"b": {"a": x}}>>
<<{"a": [x, y]} | {"a": (x, y)}>>
<<{1: x} | {"1": x}>>
<<{"a": x} | Namespace(a=x)>>
Namespace(<<a | c>>=x)
Made(<<a | c>>=x)
Made(a=<<x, b=y | y, b=x>>)
<<Two(x, y) | Other(x, y)>>
<<Two(x, y) | (x, y)>>
Two(<<x, y | y, x>>)
<<Boxed(x, y) | Framed(x, y)>>
<<Boxed(x, y) | {"a": x, "b": y}>>
Boxed(<<x, None | None, x>>)
Boxed(x, <<None | 1.0>>)
(x, <<1 | 2>>)
(x, <<"a" | "b">>)
(x, <<0.5 | 0.25>>)
(x, <<None | 0>>)
<<(x, None) | (x,)>>
<<(x, None) | (None, x)>>
(x, {"loss": <<None | 0.0>>})
(x, np.float32(<<1 | 2>>))
(x, np.array([<<1 | 2>>]))
(x, 1j * <<1 | 2>>)
(x, x.<<shape | dtype>>)
(x, [<<(), () | ()>>])
<<"a" | "b">>
<<3 | 4>>
<<{} | []>>
{"a": x, <<"n": 3 | "m": 3>>}
(t for t in (<<x, y | y, x>>))
<<x.to_sparse() | x.relu().to_sparse()>>
torch.nested.nested_tensor([<<x, y | y, x>>]).to_padded_tensor(0.0)
"""

LEFT_ON = """
F.dropout(x<<, training=False | >>)
F.dropout(x, <<0.5 | 0.25>>)
F.dropout(x, 0.5, <<False | True>>)
F.dropout2d(im(x), training=<<False | True>>)
F.dropout1d(x[None], training=<<False | True>>)
F.feature_alpha_dropout(im(x), training=<<False | True>>)
F.alpha_dropout(x, training=<<False | True>>)
torch.dropout(x, 0.5, <<False | True>>)
F.rrelu(x, training=<<False | True>>)
torch.rrelu(x, training=<<False | True>>)
F.batch_norm(x, b[0], b[1].abs(), training=<<False | True>>)
torch.batch_norm(x, None, None, b[0], b[1].abs(), <<False | True>>, 0.1, 1e-5, False)
F.instance_norm(im(x), b[0, :2], b[1, :2].abs(), use_input_stats=<<False | True>>)
F.scaled_dot_product_attention(x[None], y[None], y[None], dropout_p=<<0.0 | 0.5>>)
torch.native_dropout(x, 0.5, <<False | True>>)[0]
"""

PRECISION = """
<<x | x.half().float()>>
<<x.bfloat16() | x.half()>>
<<x | x.double()>>
<<x | x.int()>>
<<x.short() | x.int()>>
<<x.to(torch.int8).float() | x.float()>>
x.to(torch.<<float16 | bfloat16>>).float()
x.to(dtype=torch.<<float16 | bfloat16>>)
x.type(torch.<<float64 | float16>>)
x.sum(dtype=torch.<<float64 | float32>>)
x.softmax(1, <<torch.float64 | torch.float32>>)
x.cumsum(0, dtype=torch.<<float64 | float32>>)
<<x.half() @ w.half() | (x @ w).half()>>
<<(x.bfloat16() @ w.bfloat16()).float() | x @ w>>
torch.zeros(8, dtype=torch.<<float32 | float64>>) + x
x.view(torch.<<int32 | uint8>>).sum()
torch.quantize_per_tensor(x, <<0.1 | 0.2>>, 0, torch.qint8).dequantize()
torch.fake_quantize_per_tensor_affine(x, <<0.1 | 0.2>>, 0, -128, 127)
"""

TABLES = {
    "attribute": ATTRIBUTES,
    "order": ORDER,
    "operand": OPERANDS,
    "constant": CONSTANTS,
    "container": CONTAINERS,
    "left on": LEFT_ON,
    "precision": PRECISION,
}


def expression(code: str) -> Callable[[], nn.Module]:
    function = eval(f"lambda w, v, b, x, y, i: {code}", dict(NAMES))
    return lambda: Expression(function)


def written(tables: Mapping[str, str] = TABLES) -> list[Planted]:
    """The tables' pairs."""
    found = []
    for kind, table in tables.items():
        for text in table.strip().splitlines():
            sides = [re.sub(r"<<(.*?) \| (.*?)>>", rf"\{side}", text) for side in (1, 2)]
            assert sides[0] != sides[1], text
            found.append(Planted(kind, text, expression(sides[0]), expression(sides[1]), INPUTS))
    return found

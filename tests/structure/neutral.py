"""Models of every style, traced again: nothing may be made up. Run as a program, it prints fingerprints."""

from __future__ import annotations

import copy
import dataclasses
import functools
import importlib.util
import json
import logging
import math
import random
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils._pytree import tree_map
from torch.utils.checkpoint import checkpoint

from .planted_flow import Double, Doubled, add_to, energy, in_pool, in_thread, saved, scale, scripted
from .planted_modules import IMAGE, SEQUENCE, TOKENS, VECTORS, First, Net, Passed, linear
from .same import made


class Neutral(NamedTuple):
    """A model. `streams`: what it computes depends on the calls before, so that only equal states are equal."""

    name: str
    build: Callable[[], nn.Module]
    inputs: tuple[Any, ...]
    streams: bool = False

    def __repr__(self) -> str:
        return self.name


@dataclasses.dataclass
class Answer:
    logits: Tensor
    loss: Tensor | None = None


class Answers(dict):
    """A dict whose keys are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


# State


class Caching(nn.Module):
    """A table that is made in the first forward; `how` says where it is kept."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.linear, self._how = linear(), how
        self.cache: dict[Any, Tensor] = {}
        if how == "buffer":
            self.register_buffer("table", None, persistent=False)

    def make(self) -> Tensor:
        return torch.outer(torch.arange(8.0), torch.arange(8.0) / 8).sin()

    def look_up(self, x: Tensor) -> Tensor:
        if self._how == "dict":
            if len(x) not in self.cache:
                self.cache[len(x)] = self.make()
            return self.cache[len(x)]
        if self._how == "object":
            if "table" not in vars(HOLDER):
                HOLDER.table = self.make()
            return HOLDER.table
        if self._how == "global":
            if len(x) not in TABLES:
                TABLES[len(x)] = self.make()
            return TABLES[len(x)]
        if getattr(self, "table", None) is None:
            self.table = self.make()
        return self.table

    def forward(self, x):
        return self.linear(x) + self.look_up(x)


TABLES: dict[int, Tensor] = {}
HOLDER = types.SimpleNamespace()


class Growing(Caching):
    """A table that is made anew when it is too short."""

    def look_up(self, x):
        if "table" not in self.cache or len(self.cache["table"]) < len(x):
            self.cache["table"] = torch.arange(2.0 * len(x)).sqrt()
        return self.cache["table"][: len(x)]


@functools.lru_cache
def sinusoid(size: int) -> Tensor:
    return torch.arange(float(size)).sin()


@functools.cache
def mask_of(size: int) -> Tensor:
    return torch.triu(torch.full((size, size), float("-inf")), 1)


class Rotary(nn.Module):
    """Rotary positions: cosines and sines are kept for the length that was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.q = linear()
        self.register_buffer("frequencies", 1 / 100 ** (torch.arange(0, 8, 2) / 8), persistent=False)
        self._length, self._cos, self._sin = 0, None, None

    def _tables(self, length: int) -> None:
        if length != self._length:
            angles = torch.outer(torch.arange(length).float(), self.frequencies)
            angles = torch.cat([angles, angles], -1)
            self._length, self._cos, self._sin = length, angles.cos(), angles.sin()

    def forward(self, x):
        self._tables(x.shape[1])
        q = self.q(x)
        a, b = q.chunk(2, -1)
        return q * self._cos + torch.cat([-b, a], -1) * self._sin


class Counting(nn.Module):
    def __init__(self, tensor: bool = False) -> None:
        super().__init__()
        self.linear = linear()
        if tensor:
            self.register_buffer("calls", torch.tensor(0))
        else:
            self.calls = 0
        self.seen: list[Any] = []
        self.times: dict[str, int] = {}

    def forward(self, x):
        self.calls += 1
        self.seen.append(tuple(x.shape))
        self.times[f"call {len(self.seen)}"] = len(self.seen)
        return self.linear(x)


class Averaging(nn.Module):
    """It keeps a running average that nothing reads in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = linear()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(x.mean(0), 0.1)
        return self.linear(x)


class Keeping(nn.Module):
    """It keeps what it saw, and reads none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.last = linear(), deque(maxlen=2)

    def forward(self, x):
        y = self.linear(x)
        self.features, self.shape = y, y.shape
        self.last.append(y.detach())
        return y.relu()


class Fused(nn.Module):
    """The weights are folded in the first forward in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.gain, self._folded = linear(), nn.Parameter(torch.rand(8) + 0.5), None

    def forward(self, x):
        if self.training:
            self._folded = None
            return F.linear(x, self.linear.weight * self.gain)
        if self._folded is None:
            self._folded = self.linear.weight * self.gain
        return F.linear(x, self._folded)


class Remembering(nn.Module):
    """A cache of keys and values that grows with each call."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self._keys, self._values = nn.Linear(8, 24), None, None

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        if self._keys is not None:
            k, v = torch.cat([self._keys, k], -2), torch.cat([self._values, v], -2)
        self._keys, self._values = k, v
        return F.scaled_dot_product_attention(q, k, v)


class FixedCache(nn.Module):
    """Keys in a buffer of a fixed length, with the place where the next are written."""

    def __init__(self) -> None:
        super().__init__()
        self.k, self.place = linear(), 0
        self.register_buffer("keys", torch.zeros(2, 64, 8), persistent=False)

    def forward(self, x):
        n = x.shape[1]
        self.keys[:, self.place : self.place + n] = self.k(x)
        self.place = (self.place + n) % 50
        return x @ self.keys.transpose(1, 2)


class Ring(nn.Module):
    """A streaming convolution: the last inputs are kept in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 8, 3)
        self.register_buffer("past", torch.zeros(2, 8, 2))

    def forward(self, x):
        x = torch.cat([self.past, x.transpose(1, 2)], 2)
        self.past = x[..., -2:].detach()
        return self.conv(x)


class Calibrated(nn.Module):
    """A scale that the first input sets."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.scale = linear(), None

    def forward(self, x):
        if self.scale is None:
            self.scale = x.std()
        return self.linear(x / self.scale)


class Recurrent(nn.Module):
    """The hidden state of one call is the beginning of the next."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.hidden = nn.GRUCell(8, 8), None

    def forward(self, x):
        self.hidden = self.cell(x, self.hidden)
        return self.hidden


class Annealed(nn.Module):
    """A temperature that falls with every call."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.temperature = linear(), 1.0

    def forward(self, x):
        self.temperature *= 0.9
        return (self.linear(x) / self.temperature).softmax(-1)


class Alternating(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.calls = linear(), linear(), 0

    def forward(self, x):
        self.calls += 1
        return self.a(x) if self.calls % 2 else self.b(x)


class Noisy(nn.Module):
    """Noise that the first call draws, and the others use again."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.noise = linear(), None

    def forward(self, x):
        if self.noise is None:
            self.noise = torch.randn(8)
        return self.linear(x) + self.noise


class LazySub(nn.Module):
    """A helper that is no module, made when it is first needed."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = linear()

    @functools.cached_property
    def table(self) -> Tensor:
        return torch.linspace(0, 1, 8)

    def forward(self, x):
        if not hasattr(self, "helper"):
            self.helper = functools.partial(F.leaky_relu, negative_slope=0.1)
        return self.helper(self.linear(x)) * self.table


STATEFUL: dict[str, Callable[[], nn.Module]] = {
    "a cache in a dict": lambda: Caching("dict"),
    "a cache in an attribute": lambda: Caching("attribute"),
    "a cache in a buffer": lambda: Caching("buffer"),
    "a cache in a global": lambda: Caching("global"),
    "a cache in an object of the module's": lambda: Caching("object"),
    "a cache that grows when it must": lambda: Growing("dict"),
    "lru_cache": lambda: Net(lambda m, x: m.l(x) + sinusoid(len(x)), l=linear()),
    "a cached mask": lambda: Net(lambda m, x: (m.l(x) + mask_of(8)).softmax(-1), l=linear()),
    "cached_property and hasattr": LazySub,
    "a counter": Counting,
    "a counter in a buffer": lambda: Counting(tensor=True),
    "an average in training": Averaging,
    "what it saw is kept": Keeping,
    "weights folded at the first call": Fused,
}
STREAMS: dict[str, Callable[[], nn.Module]] = {
    "a scale from the first input": Calibrated,
    "a hidden state": Recurrent,
    "a temperature that falls": Annealed,
    "every second call": Alternating,
    "noise of the first call": Noisy,
}
SEQUENCES: dict[str, Callable[[], nn.Module]] = {
    "rotary positions": Rotary,
    "a ring buffer": Ring,
    "LSTM": lambda: First(nn.LSTM(8, 8, 2, bidirectional=True)),
    "LSTM with all its outputs": lambda: nn.LSTM(8, 8),
    "GRU": lambda: nn.GRU(8, 8, batch_first=True),
    "RNN": lambda: nn.RNN(8, 8, dropout=0.5, num_layers=2),
    "attention": lambda: Net(lambda m, x: m.a(x, x, x)[0], a=nn.MultiheadAttention(8, 2, batch_first=True)),
    "attention with its weights": lambda: Net(lambda m, x: m.a(x, x, x), a=nn.MultiheadAttention(8, 2)),
    "encoder layer": lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
    "encoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2),
    "decoder layer": lambda: Net(lambda m, x: m.d(x, x), d=nn.TransformerDecoderLayer(8, 2, 16)),
    "transformer": lambda: Net(lambda m, x: m.t(x, x), t=nn.Transformer(8, 2, 1, 1, 16)),
    "a packed sequence": lambda: Net(packed, g=nn.GRU(8, 8, batch_first=True)),
    "scaled_dot_product_attention": lambda: Net(
        lambda m, x: F.scaled_dot_product_attention(m.l(x), x, x, is_causal=True), l=linear()
    ),
    "Conv1d": lambda: Net(lambda m, x: m.c(x.transpose(1, 2)), c=nn.Conv1d(8, 8, 3)),
    "a loop of cells": lambda: Net(cells, c=nn.LSTMCell(8, 8)),
    "a loop that decodes": lambda: Net(decoded, e=nn.Embedding(8, 8), c=nn.GRUCell(8, 8), o=linear()),
}


def packed(m, x):
    out, hidden = m.g(pack_padded_sequence(x, torch.tensor([5, 3]), batch_first=True))
    return pad_packed_sequence(out, batch_first=True)[0], hidden


def cells(m, x):
    state = None
    for step in x.unbind(1):
        state = m.c(step, state)
    return state[0]


def decoded(m, x):
    hidden, token, said = x.mean(1), torch.zeros(2, dtype=torch.long), []
    for _ in range(3):
        hidden = m.c(m.e(token), hidden)
        token = m.o(hidden).argmax(-1)
        said.append(token)
    return torch.stack(said, 1)


# Values that come from weights


def picked(m, x):
    return m.l(x).sum(0).argmax() + 1


class Wrapped(Tensor):
    """Holds another tensor, and does with it what is done with itself."""

    @staticmethod
    def __new__(cls, inner):
        made = Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        args, kwargs = tree_map(lambda t: t.inner if isinstance(t, cls) else t, (args, kwargs or {}))
        return tree_map(lambda t: cls(t) if isinstance(t, Tensor) else t, func(*args, **kwargs))


def routed(m, x):
    """Each row goes to one expert, which the weights choose."""
    choice, out = m.gate(x).argmax(-1), torch.zeros_like(x)
    for number, expert in enumerate((m.a, m.b)):
        rows = choice == number
        out[rows] = expert(x[rows])
    return out


VALUES: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "item": lambda m, x: x * m.l(x).mean().item(),
    "item as an argument": lambda m, x: F.leaky_relu(x, m.l(x).mean().item()),
    "item in a clamp": lambda m, x: x.clamp(max=m.l(x).max().item()),
    "item in full": lambda m, x: x + torch.full((8,), m.l(x).min().item()),
    "float": lambda m, x: x / (1 + float(m.l(x).abs().mean())),
    "int of argmax": lambda m, x: x[int(m.l(x)[0].argmax())],
    "argmax as an index": lambda m, x: x[m.l(x)[0].argmax()],
    "int of argmax in narrow": lambda m, x: x.narrow(0, int(m.l(x)[0].argmax()), 1),
    "tolist": lambda m, x: x + torch.tensor(m.l(x)[0].tolist()),
    "tolist of indices": lambda m, x: x[m.l(x)[0].argsort().tolist()],
    "a list of floats": lambda m, x: x * torch.tensor([float(v) for v in m.l(x)[0]]),
    "a Python sum": lambda m, x: x * sum(m.l(x)[0].tolist()) + 1,
    "math": lambda m, x: x * math.exp(-abs(m.l(x).mean().item())),
    "complex": lambda m, x: (x * complex(m.l(x).mean(), 1)).abs(),
    "item as the output": lambda m, x: m.l(x).mean().item(),
    "items beside the output": lambda m, x: {"y": m.l(x), "mean": float(m.l(x).mean()), "n": len(x)},
    "a list as the output": lambda m, x: m.l(x)[0].tolist(),
    "a word with a number": lambda m, x: (m.l(x), f"mean {m.l(x).mean().item():.5f}"),
    "a weight's own value": lambda m, x: x * m.l.weight[0, 0].item(),
    "a weight's norm": lambda m, x: x / float(m.l.weight.norm()),
    "numpy": lambda m, x: torch.from_numpy(m.l(x).detach().numpy() * 2) + 1,
    "numpy as the output": lambda m, x: m.l(x).detach().numpy(),
    "numpy's sort": lambda m, x: torch.as_tensor(np.sort(m.l(x).detach().numpy(), 1)) * x,
    "a scalar of numpy": lambda m, x: x * m.l(x).detach().numpy().max(),
    "numpy's index": lambda m, x: x[m.l(x)[0].detach().numpy().argmax()],
    "an array's argmax as an end": lambda m, x: x[:, : int(m.l(x).detach().numpy().sum(0).argmax()) + 1],
    "a tensor as the end of a slice": lambda m, x: x[:, : picked(m, x)] * 2,
    "a width that a tensor made": lambda m, x: x[:, : picked(m, x)].shape[1] * x,
    "a tensor as a size": lambda m, x: torch.zeros(picked(m, x), 2) + 1,
    "a tensor as the end of arange": lambda m, x: torch.arange(torch.arange(picked(m, x)).shape[0]) * 2,
    "a tensor in expand": lambda m, x: x[:, :1].expand(-1, picked(m, x)) * 2,
    "a tensor in padding": lambda m, x: F.pad(x, (0, picked(m, x))),
    "as many parts as a number says": lambda m, x: x.split(int(picked(m, x)), 1)[0] * 2,
    "a number of Python's generator": lambda m, x: x * random.random(),
    "a number of numpy's generator": lambda m, x: x[:, : np.random.randint(1, 6)],
    "a seed that is set": lambda m, x: (torch.manual_seed(5), x + torch.randn(8))[1],
    "a class that wraps tensors": lambda m, x: (Wrapped(m.l(x)) * 2 + 1).inner,
    "a threshold from the weights": lambda m, x: x.masked_fill(m.l(x) > m.l.weight.mean(), 0.0),
    "quantised by what was seen": lambda m, x: torch.quantize_per_tensor(
        m.l(x), float(m.l(x).detach().abs().max()) / 127, 0, torch.qint8
    ).dequantize(),
    "nonzero": lambda m, x: m.l(x)[m.l(x)[:, 0].nonzero()[:, 0]],
    "a mask": lambda m, x: m.l(x)[m.l(x) > 0] * 2,
    "a mask of rows": lambda m, x: m.l(x[m.l(x)[:, 0] > 0]),
    "masked_select": lambda m, x: m.l(x).masked_select(m.l(x) > 0).sum(),
    "unique": lambda m, x: m.l(x).round().unique().sum(),
    "unique with counts": lambda m, x: m.l(x).argmax(1).unique(return_counts=True),
    "topk": lambda m, x: x[m.l(x)[:, 0].topk(3).indices],
    "multinomial": lambda m, x: x[m.l(x)[0].softmax(0).multinomial(2)],
    "where": lambda m, x: torch.where(m.l(x) > 0)[0],
    "bincount": lambda m, x: m.l(x).argmax(1).bincount(minlength=8),
    "repeat_interleave": lambda m, x: x.repeat_interleave(m.l(x).argmax(1), 0),
    "setitem by a mask": lambda m, x: (y := m.l(x).clone(), y.__setitem__(y > 0, 0.0), y * 2)[2],
    "index_put_": lambda m, x: x.clone().index_put_((m.l(x).argmax(1),), m.l(x)),
    "scatter_": lambda m, x: torch.zeros(8, 8).scatter_(1, m.l(x).argsort(1), x),
    "data =": lambda m, x: (z := torch.zeros(8, 8), setattr(z, "data", m.l(x)), z + 1)[2],
    "numpy()[:] =": lambda m, x: (
        z := torch.zeros(8, 8),
        z.numpy().__setitem__(slice(None), m.l(x).detach().numpy()),
        z + 1,
    )[2],
    "out=": lambda m, x: torch.add(m.l(x), 1, out=torch.empty(8, 8)) if not x.requires_grad else x,
}


# Steps that a tracer may not see


def drawn(m, x):
    return m.l(x) + torch.rand(8) * torch.randn(8) + F.dropout(x, 0.5, m.training)


def steps(m, x) -> Iterator[Tensor]:
    for _ in range(2):
        x = m.l(x)
        yield x


UNSEEN: dict[str, Callable[[nn.Module, Tensor], Any]] = {
    "deepcopy": lambda m, x: copy.deepcopy(x) + m.l(x),
    "copy": lambda m, x: copy.copy(x) + m.l(x),
    "clone": lambda m, x: m.l(x.clone()).clone(),
    "a dataclass": lambda m, x: Answer(m.l(x), x.sum()),
    "a dict with attributes": lambda m, x: Answers(logits=m.l(x)),
    "an object": lambda m, x: types.SimpleNamespace(logits=m.l(x), size=len(x)),
    "an object of its own class": lambda m, x: Double.apply(m.l(x)),
    "a generator": steps,
    "checkpoint": lambda m, x: checkpoint(m.l, x, use_reentrant=False),
    "reentrant checkpoint": lambda m, x: checkpoint(m.l, x, use_reentrant=True),
    "autograd.Function": lambda m, x: Double.apply(m.l(x)) + 1,
    "vmap": lambda m, x: torch.vmap(lambda row: m.l(row) * 2)(x),
    "func.grad": lambda m, x: torch.func.grad(lambda t: m.l(t).sin().sum())(x),
    "jacrev": lambda m, x: torch.func.jacrev(m.l)(x[0]),
    "functional_call": lambda m, x: torch.func.functional_call(m.l, {"weight": m.l.weight * 2}, (x,)),
    "autograd.grad": lambda m, x: energy(m.l, x),
    "TorchScript": lambda m, x: scripted(m.l(x)),
    "a script module": lambda m, x: SCRIPTED(m.l(x)),
    "a thread": lambda m, x: in_thread(m.l, x.detach()),
    "a pool of threads": lambda m, x: in_pool(m.l, x),
    "a custom operator": lambda m, x: scale(m.l(x), 2.0),
    "a custom operator that mutates": lambda m, x: (z := torch.zeros(8, 8), add_to(z, m.l(x).detach()), z)[2],
    "torch.cond": lambda m, x: torch.cond(x.sum() > 0, torch.sin, torch.cos, (m.l(x).detach(),)),
    "torch.save": lambda m, x: saved(m.l(x).detach()) * 2,
    "draws": drawn,
    "draws of Python and numpy": lambda m, x: m.l(x) * (1 + 0 * random.random() + 0 * np.random.rand()),
    "a generator of its own": lambda m, x: m.l(x) + torch.rand(8, generator=torch.Generator().manual_seed(3)),
    "shuffled": lambda m, x: m.l(x)[torch.randperm(8)],
    "gumbel_softmax": lambda m, x: F.gumbel_softmax(m.l(x)),
    "bernoulli": lambda m, x: m.l(x) * torch.bernoulli(torch.full((8,), 0.5)),
    "autocast": lambda m, x: autocast(m, x),
    "a closure that is made anew": lambda m, x: (lambda t: t * 2)(m.l(x)),
    "a lambda among the arguments": lambda m, x: torch.vmap(lambda t: t * 3)(m.l(x)),
    "a module that is made in the forward": lambda m, x: nn.LayerNorm(8)(m.l(x)),
    "a set of names": lambda m, x: sum(x * len(name) for name in sorted({"a", "bb", "ccc"})) + m.l(x),
    "logging": lambda m, x: (logging.getLogger("m").debug("%s %s", x.shape, id(x)), m.l(x))[1],
    "sparse": lambda m, x: torch.sparse.mm(x.relu().to_sparse(), m.l.weight),
    "einsum": lambda m, x: torch.einsum("ij,kj->ik", x, m.l.weight),
    "nested": lambda m, x: torch.nested.nested_tensor([m.l(x)[:3], x[3:]]).to_padded_tensor(0.0),
    "in place": lambda m, x: m.l(x).add_(1).relu_().mul_(2),
    "views that are written to": lambda m, x: (y := m.l(x).clone(), y[2:4].add_(1), y.t()[0].mul_(2), y)[3],
    "an expert per row": lambda m, x: routed(types.SimpleNamespace(gate=m.l, a=m.l, b=m.l), x),
}
SCRIPTED = torch.jit.script(Doubled())


def squeezenet() -> nn.Module:
    from torchvision.models import squeezenet1_1

    return squeezenet1_1(num_classes=4)


def autocast(m, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return m.l(x).float()


# Layers


def hooked() -> nn.Module:
    net = nn.Sequential(linear(), nn.ReLU(), linear())
    net[0].register_forward_hook(lambda m, args, output: output * 2)
    net[2].register_forward_pre_hook(lambda m, args: (args[0] + 1,))
    net.seen = []
    net[1].register_forward_hook(lambda m, args, output: net.seen.append(output))
    return net


def pruned() -> nn.Module:
    from torch.nn.utils import prune

    layer = linear()
    prune.random_unstructured(layer, "weight", 0.5)
    return layer


def ensemble(m, x):
    weights = {name: torch.stack([p, p * 2]) for name, p in m.l.named_parameters()}
    return torch.vmap(lambda held: torch.func.functional_call(m.l, held, (x,)))(weights)


LAYERS: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "Linear": (linear, VECTORS),
    "MLP with dropout": (lambda: nn.Sequential(linear(), nn.GELU(), nn.Dropout(0.5), linear()), VECTORS),
    "BatchNorm1d": (lambda: nn.Sequential(linear(), nn.BatchNorm1d(8)), VECTORS),
    "weight_norm": (lambda: parametrizations.weight_norm(linear()), VECTORS),
    "the older weight_norm": (lambda: nn.utils.weight_norm(linear()), VECTORS),
    "spectral_norm": (lambda: parametrizations.spectral_norm(linear()), VECTORS),
    "the older spectral_norm": (lambda: nn.utils.spectral_norm(linear()), VECTORS),
    "orthogonal": (lambda: parametrizations.orthogonal(linear()), VECTORS),
    "pruned": (pruned, VECTORS),
    "hooks": (hooked, VECTORS),
    "a function as a module": (lambda: nn.Sequential(linear(), Passed(torch.tanh)), VECTORS),
    "AlphaDropout": (lambda: nn.Sequential(linear(), nn.SELU(), nn.AlphaDropout(0.2)), VECTORS),
    "RReLU": (lambda: nn.Sequential(linear(), nn.RReLU()), VECTORS),
    "GLU": (lambda: nn.Sequential(linear(), nn.GLU()), VECTORS),
    "MoE": (lambda: Net(routed, gate=nn.Linear(8, 2), a=linear(), b=linear()), VECTORS),
    "ensemble": (lambda: Net(ensemble, l=linear()), VECTORS),
    "tied": (lambda: Net(lambda m, x: F.linear(m.l(x), m.l.weight.t()), l=linear()), VECTORS),
    "Conv2d": (lambda: nn.Conv2d(8, 4, 3, padding=1), IMAGE),
    "a convolutional block": (
        lambda: nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        IMAGE,
    ),
    "depthwise": (lambda: nn.Sequential(nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1)), IMAGE),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(8, 4, 2, 2), IMAGE),
    "GroupNorm": (lambda: nn.GroupNorm(2, 8), IMAGE),
    "InstanceNorm with statistics": (lambda: nn.InstanceNorm2d(8, track_running_stats=True), IMAGE),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "FractionalMaxPool": (lambda: nn.FractionalMaxPool2d(2, output_size=4), IMAGE),
    "MaxPool with its indices": (lambda: nn.MaxPool2d(2, return_indices=True), IMAGE),
    "MaxUnpool": (
        lambda: Net(lambda m, x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2)),
        IMAGE,
    ),
    "grid_sample": (
        lambda: Net(lambda m, x: F.grid_sample(x, x[..., :2].tanh(), align_corners=False)),
        IMAGE,
    ),
    "Fold": (lambda: nn.Sequential(nn.Unfold(2, stride=2), nn.Fold((8, 8), 2, stride=2)), IMAGE),
    "PixelShuffle": (lambda: nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(2)), IMAGE),
    "Embedding": (lambda: nn.Embedding(10, 8), TOKENS),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(10, 8), TOKENS),
    "a language model": (
        lambda: Net(
            lambda m, ids: m.o(m.t(m.e(ids) + m.p(torch.arange(ids.shape[1])), mask=mask_of(ids.shape[1]))),
            e=nn.Embedding(10, 8),
            p=nn.Embedding(8, 8),
            t=nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1),
            o=nn.Linear(8, 10),
        ),
        TOKENS,
    ),
}


def models() -> list[Neutral]:
    found = [Neutral(name, build, (VECTORS,)) for name, build in STATEFUL.items()]
    found += [Neutral(name, build, (VECTORS,), streams=True) for name, build in STREAMS.items()]
    found += [Neutral(name, build, (SEQUENCE,)) for name, build in SEQUENCES.items()]
    found += [Neutral(k.__name__, k, (SEQUENCE,), streams=True) for k in (Remembering, FixedCache)]
    for kind, table in (("value", VALUES), ("step", UNSEEN)):
        found += [
            Neutral(f"{kind}: {name}", lambda f=function: Net(f, l=linear()), (VECTORS,))
            for name, function in table.items()
        ]
    found += [Neutral(name, build, (x,)) for name, (build, x) in LAYERS.items()]
    if importlib.util.find_spec("torchvision"):
        found.append(Neutral("SqueezeNet", squeezenet, (torch.ones(2, 3, 32, 32),)))
    return found


def structure(model: nn.Module, inputs: tuple[Any, ...], name: str = "m") -> Any:
    """Its structure; a name of its own keeps it from being shared with an earlier trace."""
    from pytest_modelcheck import ModelCheck

    return ModelCheck(model, inputs, name=name).structure()


if __name__ == "__main__":
    logging.disable()
    print(json.dumps({each.name: structure(made(each.build), each.inputs).fingerprint for each in models()}))

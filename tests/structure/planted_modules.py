"""Planted changes of modules, and of tensors that a model holds beside its parameters."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import register_parametrization

from .planted import INPUTS, Planted, X, drawn

Build = Callable[[], nn.Module]
IMAGE, SEQUENCE, TOKENS = drawn(3, 2, 8, 8, 8), drawn(4, 2, 5, 8), torch.arange(10).view(2, 5)
VECTORS = X


class Net(nn.Module):
    """`forward` is a function of the model and its inputs; it holds what it is given, by name."""

    def __init__(self, forward: Callable[..., Any], **held: Any) -> None:
        super().__init__()
        self.run = forward
        for name, value in held.items():
            setattr(self, name, value)

    def forward(self, *args):
        return self.run(self, *args)


class First(nn.Module):
    """The first of several outputs."""

    def __init__(self, module: nn.Module, times: int = 1) -> None:
        super().__init__()
        self.module, self._times = module, times

    def forward(self, x):
        return self.module(*[x] * self._times)[0]


def pair(name: str, base: Build, head: Build, x: Any = VECTORS, alike: bool = False) -> Planted:
    return Planted("module", name, base, head, x if isinstance(x, tuple) else (x,), alike)


def of(
    kind: Callable[..., nn.Module], *args: Any, base: dict[str, Any], head: dict[str, Any], x: Any
) -> Planted:
    """Two settings of one module."""
    names = f"{kind.__name__}({', '.join(map(str, args))}): {base or 'default'} -> {head}"
    wrapped = First if kind in (nn.LSTM, nn.GRU, nn.RNN) else (lambda m: m)
    return pair(names, lambda: wrapped(kind(*args, **base)), lambda: wrapped(kind(*args, **head)), x)


def sequence(*kinds: Build) -> Build:
    return lambda: nn.Sequential(*[kind() for kind in kinds])


def linear(bias: bool = True) -> nn.Module:
    return nn.Linear(8, 8, bias=bias)


def conv(**settings: Any) -> nn.Module:
    return nn.Conv2d(8, 8, 3, **{"padding": 1} | settings)


def norm() -> nn.Module:
    """With weights and statistics that are not those of the beginning."""
    made = nn.BatchNorm2d(8)
    nn.init.normal_(made.weight)
    nn.init.normal_(made.running_mean)
    return made


def settings() -> list[Planted]:
    conv2d, twice = (nn.Conv2d, 8, 8, 3), (nn.ConvTranspose2d, 8, 8, 3)
    return [
        of(*conv2d, base={"padding": 1}, head={"padding": 1, "stride": 2}, x=IMAGE),
        of(*conv2d, base={"padding": 1}, head={"padding": 2, "dilation": 2}, x=IMAGE),
        of(*conv2d, base={"padding": 1}, head={"padding": 1, "padding_mode": "reflect"}, x=IMAGE),
        of(*conv2d, base={"padding": 1}, head={"padding": 1, "padding_mode": "circular"}, x=IMAGE),
        of(*conv2d, base={"padding": 1}, head={"padding": 1, "groups": 4}, x=IMAGE),
        of(*conv2d, base={"padding": 1}, head={"padding": 1, "bias": False}, x=IMAGE),
        of(*conv2d, base={"padding": (0, 1)}, head={"padding": (1, 0)}, x=IMAGE),
        of(*twice, base={"stride": 2}, head={"stride": 2, "output_padding": 1}, x=IMAGE),
        of(*twice, base={"groups": 1}, head={"groups": 2}, x=IMAGE),
        of(nn.LayerNorm, 8, base={"eps": 1e-5}, head={"eps": 1e-3}, x=VECTORS),
        of(
            nn.GroupNorm,
            base={"num_groups": 2, "num_channels": 8},
            head={"num_groups": 4, "num_channels": 8},
            x=IMAGE,
        ),
        of(nn.BatchNorm2d, 8, base={}, head={"eps": 1e-3}, x=IMAGE),
        of(nn.BatchNorm2d, 8, base={}, head={"track_running_stats": False}, x=IMAGE),
        of(nn.InstanceNorm2d, 8, base={}, head={"eps": 1e-2}, x=IMAGE),
        of(nn.InstanceNorm2d, 8, base={}, head={"track_running_stats": True}, x=IMAGE),
        of(nn.LocalResponseNorm, 2, base={}, head={"k": 2.0}, x=IMAGE),
        of(nn.MaxPool2d, 2, base={"stride": 1}, head={"stride": 2}, x=IMAGE),
        of(nn.MaxPool2d, 3, base={}, head={"ceil_mode": True}, x=IMAGE),
        of(nn.AvgPool2d, 3, 1, 1, base={}, head={"count_include_pad": False}, x=IMAGE),
        of(nn.AdaptiveAvgPool2d, base={"output_size": (1, 2)}, head={"output_size": (2, 1)}, x=IMAGE),
        of(nn.LeakyReLU, base={}, head={"negative_slope": 0.2}, x=VECTORS),
        of(nn.GELU, base={}, head={"approximate": "tanh"}, x=VECTORS),
        of(nn.ELU, base={}, head={"alpha": 0.5}, x=VECTORS),
        of(nn.Softmax, base={"dim": 0}, head={"dim": 1}, x=VECTORS),
        of(nn.Hardtanh, base={}, head={"max_val": 0.5}, x=VECTORS),
        of(nn.Threshold, base={"threshold": 0.1, "value": 0}, head={"threshold": 0.1, "value": 1}, x=VECTORS),
        of(nn.Softplus, base={}, head={"beta": 2}, x=VECTORS),
        of(nn.Softshrink, base={}, head={"lambd": 0.1}, x=VECTORS),
        of(nn.PReLU, base={}, head={"init": 0.1, "num_parameters": 8}, x=VECTORS),
        of(nn.Flatten, base={}, head={"start_dim": 2}, x=IMAGE),
        of(nn.Upsample, base={"scale_factor": 1.5}, head={"scale_factor": 1.5, "mode": "bilinear"}, x=IMAGE),
        of(nn.PixelShuffle, base={"upscale_factor": 2}, head={"upscale_factor": 1}, x=IMAGE),
        of(nn.ConstantPad2d, 1, base={"value": 0.0}, head={"value": 1.0}, x=IMAGE),
        of(nn.Embedding, 10, 8, base={}, head={"max_norm": 1.0}, x=TOKENS),
        of(nn.EmbeddingBag, 10, 8, base={"mode": "mean"}, head={"mode": "sum"}, x=TOKENS),
        of(nn.LSTM, 8, 8, base={}, head={"num_layers": 2}, x=SEQUENCE),
        of(nn.LSTM, 8, 8, base={}, head={"batch_first": True}, x=SEQUENCE),
        of(nn.LSTM, 8, 8, base={}, head={"bidirectional": True}, x=SEQUENCE),
        of(nn.LSTM, 8, 8, base={}, head={"proj_size": 4}, x=SEQUENCE),
        of(nn.RNN, 8, 8, base={}, head={"nonlinearity": "relu"}, x=SEQUENCE),
        of(nn.GRU, 8, 8, base={}, head={"bias": False}, x=SEQUENCE),
        of(nn.TransformerEncoderLayer, 8, base={"nhead": 2}, head={"nhead": 4}, x=SEQUENCE),
        of(nn.TransformerEncoderLayer, 8, 2, base={}, head={"norm_first": True}, x=SEQUENCE),
        of(nn.TransformerEncoderLayer, 8, 2, base={}, head={"activation": "gelu"}, x=SEQUENCE),
        of(nn.TransformerEncoderLayer, 8, 2, base={}, head={"batch_first": True}, x=SEQUENCE),
        of(nn.CosineSimilarity, base={"dim": 0}, head={"dim": 1}, x=INPUTS[:2]),
        of(nn.PairwiseDistance, base={}, head={"p": 1.0}, x=INPUTS[:2]),
        of(nn.Bilinear, 8, 8, 4, base={}, head={"bias": False}, x=INPUTS[:2]),
        of(nn.Unfold, 2, base={}, head={"dilation": 2}, x=IMAGE),
    ]


def kinds() -> list[Planted]:
    stem = sequence(conv, norm, nn.ReLU)
    return [
        pair("ReLU -> GELU", stem, sequence(conv, norm, nn.GELU), IMAGE),
        pair("ReLU -> LeakyReLU", stem, sequence(conv, norm, nn.LeakyReLU), IMAGE),
        pair("ReLU -> Identity", stem, sequence(conv, norm, nn.Identity), IMAGE),
        pair("SiLU -> Hardswish", sequence(conv, nn.SiLU), sequence(conv, nn.Hardswish), IMAGE),
        pair("LayerNorm -> RMSNorm", lambda: nn.LayerNorm(8), lambda: nn.RMSNorm(8)),
        pair("MaxPool -> AvgPool", lambda: nn.MaxPool2d(2), lambda: nn.AvgPool2d(2), IMAGE),
        pair("GRU -> RNN", lambda: First(nn.GRU(8, 8)), lambda: First(nn.RNN(8, 8)), SEQUENCE),
        pair("Linear -> Linear without bias", linear, lambda: linear(bias=False)),
        pair("Linear -> LazyLinear of another width", linear, lambda: nn.Linear(8, 9)),
        pair("order in a Sequential", stem, sequence(conv, nn.ReLU, norm), IMAGE),
        pair("a layer more", sequence(linear, nn.ReLU), sequence(linear, nn.ReLU, linear)),
        pair("a layer less", sequence(linear, nn.ReLU, linear), sequence(linear, nn.ReLU)),
        pair("the same layer twice", sequence(linear, linear), lambda: nn.Sequential(*[nn.Linear(8, 8)] * 2)),
        pair(
            "called twice",
            lambda: Net(lambda m, x: m.a(x), a=linear()),
            lambda: Net(lambda m, x: m.a(m.a(x)), a=linear()),
        ),
        pair(
            "heads of an attention",
            lambda: First(nn.MultiheadAttention(8, 2), 3),
            lambda: First(nn.MultiheadAttention(8, 4), 3),
            SEQUENCE,
        ),
        pair(
            "an attention's zero",
            lambda: First(nn.MultiheadAttention(8, 2), 3),
            lambda: First(nn.MultiheadAttention(8, 2, add_zero_attn=True), 3),
            SEQUENCE,
        ),
        pair("tied weights", lambda: tied(False), lambda: tied(True)),
        pair("moved into a Sequential", stem, lambda: nn.Sequential(stem()), IMAGE, alike=True),
        pair("weight_norm", linear, lambda: parametrizations.weight_norm(linear(), dim=0)),
        pair("orthogonal", linear, lambda: parametrizations.orthogonal(linear())),
        pair("spectral_norm", linear, lambda: parametrizations.spectral_norm(linear())),
        pair("a parametrization", lambda: parametrized(torch.tanh), lambda: parametrized(torch.sigmoid)),
        pair("a hook", linear, lambda: hooked(2.0)),
        pair("a hook's number", lambda: hooked(2.0), lambda: hooked(3.0)),
        pair("a hook on what comes in", lambda: hooked(2.0), lambda: hooked(2.0, before=True)),
    ]


class Passed(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, t):
        return self.function(t)


def parametrized(function: Callable[[Tensor], Tensor]) -> nn.Module:
    layer = linear()
    register_parametrization(layer, "weight", Passed(function))
    return layer


def hooked(factor: float, before: bool = False) -> nn.Module:
    layer = linear()
    if before:
        layer.register_forward_pre_hook(lambda m, args: (args[0] * factor,))
    else:
        layer.register_forward_hook(lambda m, args, output: output * factor)
    return layer


def tied(tie: bool) -> nn.Module:
    net = nn.Sequential(linear(bias=False), nn.ReLU(), linear(bias=False))
    if tie:
        net[2].weight = net[0].weight
    return net


def layers() -> dict[str, Any]:
    return {"a": linear(), "b": linear(), "norm": nn.LayerNorm(8)}


FORWARDS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "which of two alike layers is first": (lambda m, x: m.a(m.b(x)), lambda m, x: m.b(m.a(x))),
    "which of two alike layers": (lambda m, x: m.a(x), lambda m, x: m.b(x)),
    "norm first": (lambda m, x: m.a(m.norm(x)), lambda m, x: m.norm(m.a(x))),
    "a residual": (lambda m, x: x + m.a(x), lambda m, x: m.a(x)),
    "where a residual starts": (lambda m, x: x + m.b(m.a(x)), lambda m, x: m.a(x) + m.b(m.a(x))),
    "a gate": (lambda m, x: m.a(x) * m.b(x).sigmoid(), lambda m, x: m.b(x) * m.a(x).sigmoid()),
    "which is subtracted": (lambda m, x: m.a(x) - m.b(x), lambda m, x: m.b(x) - m.a(x)),
    "which is the query": (lambda m, x: m.a(x) @ m.b(x).t(), lambda m, x: m.b(x) @ m.a(x).t()),
    "weights without their module": (
        lambda m, x: F.linear(x, m.a.weight),
        lambda m, x: F.linear(x, m.b.weight),
    ),
    "weight of one and bias of another": (
        lambda m, x: F.linear(x, m.a.weight, m.a.bias),
        lambda m, x: F.linear(x, m.a.weight, m.b.bias),
    ),
    "a module that is made in the forward": (lambda m, x: nn.ReLU()(m.a(x)), lambda m, x: nn.ELU()(m.a(x))),
    "left in train mode": (
        lambda m, x: nn.Dropout(0.5).eval()(x),
        lambda m, x: nn.Dropout(0.5).train()(x),
    ),
    "the order of its outputs": (lambda m, x: (m.a(x), m.b(x)), lambda m, x: (m.b(x), m.a(x))),
}


@dataclasses.dataclass
class Config:
    scale: float = 0.5
    activation: Callable[[Tensor], Tensor] = F.relu


HELD: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = {
    "a number": (lambda m, x: x * m.scale, {"scale": 0.5}, {"scale": 0.25}),
    "a number in private": (lambda m, x: x * m._scale, {"_scale": 0.5}, {"_scale": 0.25}),
    "a number in a dict": (lambda m, x: x * m.held["s"], {"held": {"s": 0.5}}, {"held": {"s": 0.25}}),
    "a number in an object": (lambda m, x: x * m.c.scale, {"c": Config()}, {"c": Config(0.25)}),
    "a number of numpy": (
        lambda m, x: x * m._scale,
        {"_scale": torch.tensor(0.5).numpy()[()]},
        {"_scale": torch.tensor(0.25).numpy()[()]},
    ),
    "an array of numpy": (
        lambda m, x: x * torch.from_numpy(m._table),
        {"_table": torch.ones(8).numpy()},
        {"_table": torch.zeros(8).numpy()},
    ),
    "a list of numbers": (
        lambda m, x: x * torch.tensor(m._table),
        {"_table": [1.0, 2.0] * 4},
        {"_table": [2.0, 1.0] * 4},
    ),
    "a function": (lambda m, x: m.activation(x), {"activation": F.relu}, {"activation": F.gelu}),
    "a function in an object": (lambda m, x: m.c.activation(x), {"c": Config()}, {"c": Config(0.5, F.gelu)}),
    "a partial": (
        lambda m, x: m.activation(x),
        {"activation": functools.partial(F.leaky_relu, negative_slope=0.1)},
        {"activation": functools.partial(F.leaky_relu, negative_slope=0.2)},
    ),
    "a dtype": (lambda m, x: x.to(m.kind), {"kind": torch.float16}, {"kind": torch.bfloat16}),
    "a word": (lambda m, x: x.sum() if m._how == "sum" else x.mean(), {"_how": "sum"}, {"_how": "mean"}),
    "a flag": (lambda m, x: x.relu() if m._flag else x, {"_flag": True}, {"_flag": False}),
    "the order of a list": (
        lambda m, x: functools.reduce(lambda t, f: f(t), m._steps, x),
        {"_steps": [torch.sin, torch.cos]},
        {"_steps": [torch.cos, torch.sin]},
    ),
}


def nested_inputs() -> list[Planted]:
    """What the model is given in containers of its own."""
    given: list[tuple[Any, tuple[Any, Any]]] = [
        (list(INPUTS[:2]), (0, 1)),
        (tuple(INPUTS[:2]), (0, 1)),
        ({"a": INPUTS[0], "b": INPUTS[1]}, ("a", "b")),
    ]
    return [
        pair(
            f"a {type(held).__name__} of inputs",
            lambda a=a, b=b: Net(lambda m, x: x[a] - x[b]),
            lambda a=a, b=b: Net(lambda m, x: x[b] - x[a]),
            (held,),
        )
        for held, (a, b) in given
    ]


def modules() -> list[Planted]:
    found = [*settings(), *kinds(), *nested_inputs()]
    for name, (base, head) in FORWARDS.items():
        kind = "left on" if name.startswith("left") else "module"
        sides = [lambda f=side: Net(f, **layers()) for side in (base, head)]
        found.append(Planted(kind, name, *sides, (VECTORS,)))
    for name, (forward, base, head) in HELD.items():
        sides = [lambda f=forward, h=side: Net(f, **h) for side in (base, head)]
        found.append(Planted("module", f"held: {name}", *sides, (VECTORS,)))
    return found


# Tensors that are held, and are neither parameter nor buffer: their values are told as weights are


class Held(NamedTuple):
    """A model, made with one tensor and with another, and the word that must stand in the difference."""

    name: str
    word: str
    build: Callable[[Tensor], nn.Module]
    base: Tensor = torch.ones(8)
    head: Tensor = torch.arange(8.0)

    def __repr__(self) -> str:
        return self.name


class Table:
    def __init__(self, table: Tensor) -> None:
        self.table = table


def closed(table: Tensor) -> nn.Module:
    return Net(lambda m, x: x + table)


def closed_in_closed(table: Tensor) -> nn.Module:
    def inner(x):
        return x * table

    return Net(lambda m, x: inner(x) + 1)


def by_default(table: Tensor) -> nn.Module:
    def forward(m, x, table=table):
        return x + table

    return Net(forward)


def of_class(table: Tensor) -> nn.Module:
    return type("Classed", (nn.Module,), {"table": table, "forward": lambda self, x: x + self.table})()


def of_globals(table: Tensor) -> nn.Module:
    scope: dict[str, Any] = {"TABLE": table}
    exec("def forward(m, x):\n    return x + TABLE", scope)
    return Net(scope["forward"])


def in_hook(table: Tensor) -> nn.Module:
    layer = linear()
    layer.register_forward_hook(lambda m, args, output: output + table)
    return layer


def in_submodule(table: Tensor) -> nn.Module:
    return nn.Sequential(linear(), Net(lambda m, x: x + m.table, table=table))


HELD_TENSORS = [
    Held("an attribute", "table", lambda t: Net(lambda m, x: x + m.table, table=t)),
    Held("a private attribute", "_table", lambda t: Net(lambda m, x: x + m._table, _table=t)),
    Held("an attribute of a submodule", "table", in_submodule),
    Held("in a list", "tables", lambda t: Net(lambda m, x: x + m.tables[0], tables=[t])),
    Held("in a dict", "tables", lambda t: Net(lambda m, x: x + m.tables["a"], tables={"a": t})),
    Held(
        "in a tuple in a dict",
        "tables",
        lambda t: Net(lambda m, x: x + m.tables["a"][1], tables={"a": (0, t)}),
    ),
    Held("in an object", "held", lambda t: Net(lambda m, x: x + m.held.table, held=Table(t))),
    Held("a closure", "table", closed),
    Held("a closure's closure", "table", closed_in_closed),
    Held("a default", "table", by_default),
    Held("a partial", "run", lambda t: Net(functools.partial(lambda u, m, x: x + u, t))),
    Held("of the class", "table", of_class),
    Held("a global", "TABLE", of_globals),
    Held("in a hook", "table", in_hook),
    Held(
        "an index",
        "table",
        lambda t: Net(lambda m, x: x[m.table], table=t),
        torch.tensor([0, 1]),
        torch.tensor([0, 2]),
    ),
    Held(
        "a mask",
        "table",
        lambda t: Net(lambda m, x: x.masked_fill(m.table, 0.0), table=t),
        torch.arange(8) > 3,
        torch.arange(8) > 4,
    ),
    Held("by keyword", "table", lambda t: Net(lambda m, x: x.clamp(min=m.table), table=t)),
    Held("in a list of operands", "table", lambda t: Net(lambda m, x: torch.stack([x[0], m.table]), table=t)),
    Held("under a vmap", "table", lambda t: Net(lambda m, x: torch.vmap(lambda r: r * m.table)(x), table=t)),
    Held("a buffer", "table", lambda t: buffered(t)),
    Held("a buffer that is not saved", "table", lambda t: buffered(t, persistent=False)),
    Held("a parameter", "table", lambda t: Net(lambda m, x: x + m.table, table=nn.Parameter(t))),
    Held(
        "one element of many",
        "table",
        lambda t: Net(lambda m, x: x.sum() * m.table, table=t),
        torch.zeros(4096),
        torch.eye(4096)[2000],
    ),
    Held("written to", "table", lambda t: Net(lambda m, x: m.table.clone().add_(x[0]), table=t)),
]


def buffered(table: Tensor, persistent: bool = True) -> nn.Module:
    net = Net(lambda m, x: x + m.table)
    net.register_buffer("table", table, persistent=persistent)
    return net

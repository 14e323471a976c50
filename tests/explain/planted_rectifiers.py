"""Rectifiers as people write them, beside what is none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .planted import drawn

X = drawn(2, 3, 32, 32)
Act = Callable[[Tensor], Tensor]
ZERO = torch.zeros(())


class Two(nn.Module):
    """An activation behind each of two convolutions; `modules` are their activations where these are modules."""

    def __init__(self, first: Act, second: Act, pool: bool = True) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 8, 3, 1, 1), nn.Linear(8, 4)
        self.first, self.second, self.pool = first, second, nn.MaxPool2d(2) if pool else nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.second(self.two(self.pool(self.first(self.one(x))))).mean((2, 3)))


class Zero(nn.Module):
    """x.clamp(min=0), a module of the user's."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=0)


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.ReLU())


def scripted_function(x: Tensor) -> Tensor:
    return torch.relu(x)


def compiled_function(x: Tensor) -> Tensor:
    return torch.relu(x)


RELUS: dict[str, Callable[[], Act]] = {  # all are max(x, 0)
    "nn.ReLU": nn.ReLU,
    "nn.ReLU, in place": lambda: nn.ReLU(inplace=True),
    "F.relu": lambda: F.relu,
    "F.relu, in place": lambda: lambda x: F.relu(x, inplace=True),
    "F.relu_": lambda: F.relu_,
    "torch.relu": lambda: torch.relu,
    "torch.relu_": lambda: torch.relu_,
    "x.relu()": lambda: lambda x: x.relu(),
    "x.relu_()": lambda: lambda x: x.relu_(),
    "clamp(min=0)": lambda: lambda x: x.clamp(min=0),
    "clamp(0)": lambda: lambda x: x.clamp(0),
    "clamp(min=0.0, max=None)": lambda: lambda x: x.clamp(min=0.0, max=None),
    "clamp, a module": Zero,
    "clamp of a tensor": lambda: lambda x: x.clamp(min=ZERO),
    "torch.clamp": lambda: lambda x: torch.clamp(x, min=0),
    "torch.clamp(x, 0)": lambda: lambda x: torch.clamp(x, 0),
    "torch.clamp(input=x)": lambda: lambda x: torch.clamp(input=x, min=0),
    "clamp_": lambda: lambda x: x.clamp_(min=0),
    "torch.clamp_": lambda: lambda x: torch.clamp_(x, min=0),
    "clamp_min": lambda: lambda x: x.clamp_min(0),
    "clamp_min_": lambda: lambda x: x.clamp_min_(0),
    "torch.clamp_min": lambda: lambda x: torch.clamp_min(x, 0.0),
    "torch.clamp_min(min=)": lambda: lambda x: torch.clamp_min(x, min=0),
    "torch.clamp_min_": lambda: lambda x: torch.clamp_min_(x, 0),
    "clip": lambda: lambda x: x.clip(min=0),
    "clip_": lambda: lambda x: x.clip_(0),
    "torch.clip": lambda: lambda x: torch.clip(x, min=0),
    "F.threshold": lambda: lambda x: F.threshold(x, 0, 0),
    "F.threshold, in place": lambda: lambda x: F.threshold(x, 0, 0, inplace=True),
    "F.threshold_": lambda: lambda x: F.threshold_(x, 0.0, 0.0),
    "nn.Threshold": lambda: nn.Threshold(0, 0),
    "torch.threshold": lambda: lambda x: torch.threshold(x, 0, 0),
    "aten.relu": lambda: lambda x: torch.ops.aten.relu(x),
    "aten.relu.default": lambda: torch.ops.aten.relu.default,
    "aten.relu_": lambda: lambda x: torch.ops.aten.relu_(x),
    "aten.clamp_min": lambda: lambda x: torch.ops.aten.clamp_min(x, 0),
    "aten.threshold": lambda: lambda x: torch.ops.aten.threshold(x, 0, 0),
    "aten.clamp": lambda: lambda x: torch.ops.aten.clamp(x, 0),
    "scripted module": scripted,
    "scripted function": lambda: torch.jit.script(scripted_function),
    "compiled": lambda: torch.compile(compiled_function, backend="eager"),
    "torch.maximum": lambda: lambda x: torch.maximum(x, torch.zeros_like(x)),
    "torch.maximum, zero first": lambda: lambda x: torch.maximum(ZERO, x),
    "torch.max": lambda: lambda x: torch.max(x, ZERO),
    "x.maximum()": lambda: lambda x: x.maximum(ZERO),
    "torch.fmax": lambda: lambda x: torch.fmax(x, ZERO),
    "F.hardtanh to infinity": lambda: lambda x: F.hardtanh(x, 0.0, float("inf")),
    "LeakyReLU without a slope": lambda: nn.LeakyReLU(0.0),
    "F.leaky_relu without a slope": lambda: lambda x: F.leaky_relu(x, 0.0),
    "in a checkpoint": lambda: lambda x: checkpoint(F.relu, x, use_reentrant=False),
    "in a checkpoint, reentrant": lambda: lambda x: checkpoint(F.relu, x, use_reentrant=True),
    "in a sequence": lambda: nn.Sequential(nn.Identity(), nn.ReLU()),
}
CAPPED: dict[str, Callable[[], Act]] = {  # all are min(max(x, 0), 6)
    "nn.ReLU6": nn.ReLU6,
    "F.relu6": lambda: F.relu6,
    "nn.Hardtanh": lambda: nn.Hardtanh(0, 6),
    "F.hardtanh": lambda: lambda x: F.hardtanh(x, 0, 6),
    "F.hardtanh_": lambda: lambda x: F.hardtanh_(x, 0.0, 6.0),
    "clamp(0, 6)": lambda: lambda x: x.clamp(0, 6),
    "torch.clamp(min=0, max=6)": lambda: lambda x: torch.clamp(x, min=0, max=6),
    "clip(0, 6)": lambda: lambda x: x.clip(0, 6),
    "clamp_(0, 6)": lambda: lambda x: x.clamp_(0, 6),
    "aten.hardtanh": lambda: lambda x: torch.ops.aten.hardtanh(x, 0, 6),
}
ARITHMETIC: dict[str, Act] = {  # max(x, 0) that nothing calls a rectifier: seen, or told, or refused
    "x * (x > 0)": lambda x: x * (x > 0),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "(x + |x|) / 2": lambda x: (x + x.abs()) / 2,
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "index": lambda x: (x.clone(), x)[0].index_put((x < 0,), torch.tensor(0.0)),
}
OTHERS: dict[str, tuple[Callable[[], Act], str]] = {  # no rectifiers, and what they are called
    "Hardswish": (nn.Hardswish, "ardswish"),
    "F.hardswish": (lambda: F.hardswish, "ardswish"),
    "GELU": (nn.GELU, "GELU"),
    "F.gelu": (lambda: F.gelu, "GELU"),
    "SiLU": (nn.SiLU, "SiLU"),
    "F.silu": (lambda: F.silu, "SiLU"),
    "Mish": (nn.Mish, "Mish"),
    "ELU": (nn.ELU, "ELU"),
    "LeakyReLU": (lambda: nn.LeakyReLU(0.1), "eaky"),
    "PReLU": (nn.PReLU, "PReLU"),
    "Tanh": (nn.Tanh, "anh"),
    "Hardtanh": (nn.Hardtanh, "ardtanh"),
    "Softplus": (nn.Softplus, "oftplus"),
    "RReLU": (nn.RReLU, "RReLU"),
    "CELU": (nn.CELU, "CELU"),
    "SELU": (nn.SELU, "SELU"),
    "Sigmoid": (nn.Sigmoid, "igmoid"),
}
CLAMPS: dict[str, Act] = {  # bounds that are no rectifiers: they go back by the plain rule
    "clamp(min=-1)": lambda x: x.clamp(min=-1),
    "clamp(min=1e-6)": lambda x: x.clamp(min=1e-6),
    "clamp(max=0)": lambda x: x.clamp(max=0),
    "threshold(0.1)": lambda x: F.threshold(x, 0.1, 0.0),
    "threshold(0, -1)": lambda x: F.threshold(x, 0.0, -1.0),
    "maximum of another tensor": lambda x: torch.maximum(x, x.flip(1)),
    "hardtanh(-1, 1)": F.hardtanh,
}


class Encoder(nn.Module):
    """torch's encoder layer, whose feed-forward part has a ReLU inside."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 8, 8)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True, norm_first=norm_first)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.patch(x).flatten(2).transpose(1, 2)).mean(1))


def mobile() -> Any:
    """torchvision's MobileNetV3 has 14 ReLUs and 19 Hardswishes; the gates of its excitation are Hardsigmoids."""
    from torchvision.models import mobilenet_v3_small

    return mobilenet_v3_small(weights=None, num_classes=4)

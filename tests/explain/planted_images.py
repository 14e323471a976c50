"""Inputs among which the picture once was not found, or was misread: its place, layout, padding and dimensions.

Each says what the picture is, (N, C, *space), and what the explained layer's grid is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .planted import Net, convolutions, drawn


class Pictured(NamedTuple):
    """`picture`: what `Heatmap.image` must be; `options`: the method's; `call`: the layer's, that is compared."""

    name: str
    build: Callable[[], nn.Module]
    inputs: Any
    picture: Tensor
    grid: tuple[int, ...]
    layer: str = "features"
    options: dict[str, Any] = {}  # noqa: RUF012
    call: int = -1

    def __repr__(self) -> str:
        return self.name


class Batch(dict):
    """What a tokeniser gives."""


def one(before: Callable[..., Tensor] = lambda x: x, channels: int = 3) -> Callable[[], Net]:
    """A classifier of what `before` makes of the inputs."""
    return lambda: Net(
        lambda self, *given, **named: self.head(self.features(before(*given, **named)).mean((2, 3))),
        features=convolutions(channels),
        head=nn.Linear(8, 4),
    )


def two(shared: bool) -> Callable[[], Net]:
    """Of two pictures: the logits are of both."""

    def forward(self, a, b):
        first, second = (
            self.features(a).mean((2, 3)),
            (self.features if shared else self.other)(b).mean((2, 3)),
        )
        return self.head(torch.cat([first, second], 1))

    layers = {} if shared else {"other": convolutions()}
    return lambda: Net(forward, features=convolutions(), head=nn.Linear(16, 4), **made_again(layers))


def made_again(layers: dict[str, nn.Module]) -> dict[str, nn.Module]:
    return {name: convolutions() for name in layers}


def padded(x: Tensor) -> Tensor:
    return F.pad(x, (0, -x.shape[3] % 32, 0, -x.shape[2] % 32))


def first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


X, Y, GREY = drawn(2, 3, 32, 32), drawn(2, 3, 32, 32, seed=1), drawn(2, 1, 32, 32, seed=2)
WIDE, LAST = drawn(2, 3, 32, 48), drawn(2, 32, 48, 3)
BYTES = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
MASK = (GREY > 0).float()

PICTURES = [
    Pictured("channels last", one(first), LAST, first(LAST), (8, 12)),
    Pictured("channels last, square", one(first), LAST[:, :, :32], first(LAST[:, :, :32]), (8, 8)),
    Pictured("channels last, one channel", one(first, 1), LAST[..., :1], first(LAST[..., :1]), (8, 12)),
    Pictured(
        "channels last, four channels",
        one(first, 4),
        drawn(2, 32, 48, 4),
        first(drawn(2, 32, 48, 4)),
        (8, 12),
    ),
    Pictured(
        "channels last, bytes",
        one(lambda x: first(x).float() / 255),
        BYTES.permute(0, 2, 3, 1),
        BYTES.float(),
        (8, 8),
    ),
    Pictured("bytes", one(lambda x: x.float() / 255), BYTES, BYTES.float(), (8, 8)),
    Pictured(
        "bytes, turned and scaled in place",
        one(lambda x: x.float().div_(255).sub_(0.5)),
        BYTES,
        BYTES.float(),
        (8, 8),
    ),
    Pictured("one channel", one(channels=1), GREY, GREY, (8, 8)),
    Pictured("four channels", one(channels=4), drawn(2, 4, 32, 32), drawn(2, 4, 32, 32), (8, 8)),
    Pictured("spectral bands", one(channels=12), drawn(2, 12, 32, 32), drawn(2, 12, 32, 32), (8, 8)),
    Pictured("spectrogram", one(channels=1), drawn(2, 1, 16, 48), drawn(2, 1, 16, 48), (4, 12)),
    Pictured(
        "frequencies by time, no channel",
        one(lambda x: x[:, None], 1),
        drawn(2, 16, 48),
        drawn(2, 1, 16, 48),
        (4, 12),
    ),
    Pictured(
        "keyword",
        one(lambda pixel_values, mask=None: pixel_values),
        {"mask": torch.ones(2, 8), "pixel_values": X},
        X,
        (8, 8),
    ),
    Pictured(
        "nested", one(lambda batch: batch["views"][0]["image"]), ({"views": [{"image": X}]},), X, (8, 8)
    ),
    Pictured("scale before it", one(lambda s, x: x * s), (torch.full((1, 1, 1, 1), 2.0), X), X, (8, 8)),
    Pictured(
        "mean and deviation before it",
        one(lambda m, s, x: (x - m) / s),
        (torch.full((1, 3, 1, 1), 0.1), torch.full((1, 3, 1, 1), 2.0), X),
        X,
        (8, 8),
    ),
    Pictured(
        "a scale for each sample before it",
        one(lambda s, x: x * s),
        (torch.full((2, 1, 1, 1), 2.0), X),
        X,
        (8, 8),
    ),
    Pictured(
        "blur kernel before it",
        one(lambda k, x: F.conv2d(x, k, padding=1)),
        (drawn(3, 3, 3, 3), X),
        X,
        (8, 8),
    ),
    Pictured("mask before it", one(lambda m, x: x * m), (MASK, X), X, (8, 8)),
    Pictured("mask behind it", one(lambda x, m: x * m), (X, MASK), X, (8, 8)),
    Pictured("bool mask before it", one(lambda m, x: x * m), (MASK.bool(), X), X, (8, 8)),
    Pictured(
        "grid before it",
        one(lambda g, x: F.grid_sample(x, g, align_corners=False)),
        (F.affine_grid(torch.eye(2, 3).repeat(2, 1, 1), [2, 3, 32, 32], align_corners=False), X),
        X,
        (8, 8),
    ),
    Pictured(
        "noise level and time step",
        one(lambda x, t: x + t[:, None, None, None] * 1e-3),
        (X, torch.tensor([1.0, 2.0])),
        X,
        (8, 8),
    ),
    Pictured(
        "tokens before it",
        one(lambda ids, x: x + ids.sum() * 1e-6),
        (torch.arange(12).view(2, 6), X),
        X,
        (8, 8),
    ),
    Pictured(
        "two pictures, the first", two(False), (X, Y), X, (8, 8), options={"image": 0, "layer": "features"}
    ),
    Pictured("two pictures, the second", two(False), (X, Y), Y, (8, 8), "other", {"image": 1}),
    Pictured(
        "two pictures, equal ones, the second", two(False), (X, X.clone()), X, (8, 8), "other", {"image": 1}
    ),
    Pictured("the same tensor twice, the second", two(False), (X, X), X, (8, 8), "other", {"image": 1}),
    Pictured("siamese, the second", two(True), (X, Y), Y, (8, 8), options={"image": 1}),
    Pictured("siamese, the first", two(True), (X, Y), X, (8, 8), options={"image": 0}, call=0),
    Pictured("siamese, the first by default", two(True), (X, Y), X, (8, 8), call=0),
    Pictured(
        "named, the second",
        one(lambda left, right: right + left.mean() * 0),
        {"left": X, "right": Y},
        Y,
        (8, 8),
        options={"image": "right"},
    ),
    Pictured(
        "chosen by place", one(lambda a, b: b + a.mean() * 0), (WIDE, X), X, (8, 8), options={"image": 1}
    ),
]


class Detector(nn.Module):
    """As torchvision's: a list of pictures, each made larger, then padded to a multiple of 32, right and below."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.features, self.head, self.scale = convolutions(), nn.Linear(8, 4), scale

    def forward(self, images: list[Tensor]) -> Tensor:
        grown = [
            F.interpolate(i[None], scale_factor=self.scale, mode="bilinear") if self.scale != 1 else i[None]
            for i in images
        ]
        return self.head(self.features(padded(torch.cat(grown))).mean((2, 3)))


def signal(before: Callable[[Tensor], Tensor] = lambda x: x, channels: int = 2) -> Callable[[], Net]:
    return lambda: Net(
        lambda self, x: self.head(self.features(before(x)).mean(2)),
        features=nn.Sequential(
            nn.Conv1d(channels, 8, 5, 2, 2), nn.ReLU(), nn.Conv1d(8, 8, 5, 2, 2), nn.ReLU()
        ),
        head=nn.Linear(8, 4),
    )


def volume(stride: Any = 2, channels: int = 1) -> Callable[[], Net]:
    return lambda: Net(
        lambda self, x: self.head(self.features(x).mean((2, 3, 4))),
        features=nn.Sequential(
            nn.Conv3d(channels, 8, 3, stride, 1), nn.ReLU(), nn.Conv3d(8, 8, 3, stride, 1), nn.ReLU()
        ),
        head=nn.Linear(8, 4),
    )


S, V, FLAT, CLIP = drawn(2, 2, 64), drawn(2, 1, 16, 16, 16), drawn(2, 1, 8, 32, 32), drawn(2, 3, 8, 32, 32)

DIMENSIONS = [
    Pictured("signal of two leads", signal(), S, S, (16,)),
    Pictured("signal of one lead", signal(channels=1), S[:, :1], S[:, :1], (16,)),
    Pictured("signal of twelve leads", signal(channels=12), drawn(2, 12, 64), drawn(2, 12, 64), (16,)),
    Pictured("signal without channels", signal(lambda x: x[:, None], 1), S[:, 0], S[:, :1], (16,)),
    Pictured("signal of odd length", signal(), drawn(2, 2, 99), drawn(2, 2, 99), (25,)),
    Pictured("volume", volume(), V, V, (4, 4, 4)),
    Pictured("flat volume", volume((1, 2, 2)), FLAT, FLAT, (8, 8, 8)),
    Pictured(
        "volume of two contrasts", volume(2, 2), drawn(2, 2, 16, 24, 32), drawn(2, 2, 16, 24, 32), (4, 6, 8)
    ),
    Pictured("film, channels first", volume((1, 2, 2), 3), CLIP, CLIP, (8, 8, 8)),
]

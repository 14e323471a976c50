"""Layouts: where the channels and the places of an activation are, by the module that made it and by its shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

Size: TypeAlias = tuple[int, ...]


FIRST = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)
LAST = (nn.Linear, nn.LayerNorm, nn.RMSNorm, nn.MultiheadAttention, nn.RNNBase)
MOST_EXTRA = 16  # class token, distillation token, registers


@dataclass(frozen=True)
class Layout:
    """`channels`: their dimension. `grid`: the places' size.

    Tokens stand in one dimension, `front` of them before those of the places, and others may be behind; None: the
    places have dimensions of their own.
    """

    channels: int
    grid: Size
    front: int | None = None

    def read(self, activation: Tensor) -> Tensor:
        """`activation` as (N, C, *grid)."""
        first = activation.movedim(self.channels, 1)
        if self.front is None:
            return first
        end = self.front + math.prod(self.grid)
        return torch.unflatten(first[:, :, self.front : end], 2, self.grid)


@dataclass(frozen=True)
class Made:
    """What a module says of its output: how many `channels`; in which `dim`, where its kind fixes it."""

    channels: int
    dim: int | None = None


def made_by(module: nn.Module) -> Made | None:
    """What a module without children says of its output."""
    dim = 1 if isinstance(module, FIRST) else -1 if type(module) in LAST else None
    weight = module._parameters.get("weight")
    for name in ("out_channels", "out_features", "num_features", "num_channels", "embed_dim"):
        if isinstance(count := getattr(module, name, None), int):
            return Made(count, dim)
    if isinstance(module, nn.RNNBase):
        return Made(module.hidden_size * (2 if module.bidirectional else 1), dim)
    if weight is not None and weight.dim() == 1 and len(weight) > 1:  # norms, of whatever class
        return Made(len(weight), dim)
    return None


def dim_of_channels(shape: Size, module: nn.Module) -> int | None:
    """Where the channels are in an output of `module`, 1 or the last; None where it does not tell.

    Of a container the last part that fits tells.
    """
    for part in reversed(list(module.modules())):
        made = made_by(part)
        dims = {d for d in (1, len(shape) - 1) if made and shape[d] == made.channels}
        if len(dims) == 1:
            return dims.pop()
        if made and dims and part is module and made.dim is not None:
            return made.dim % len(shape)
    return 1 if len(shape) == 3 and shape[2] == 1 else None  # pooled: one place, not one channel


def mismatch(grid: Size, size: Size) -> float:
    """How far a grid is from the image's proportions: 0 not at all, up to 1 within a pixel of rounding."""
    pairs = itertools.combinations(zip(grid, size, strict=True), 2)
    return max((abs(g * t - h * s) for (g, s), (h, t) in pairs), default=0) / (max(size) * 1.5)


def by_shape(shape: Size, size: Size, known: Collection[Size] = ()) -> int | None:
    """The dimension of the channels, 1 or the last, by the grid that is left: a `known` one, or the one that fits.

    Where both fit within a pixel it is torch's own, 1: which one is nearer is chance.
    """
    grids = {1: tuple(shape[2:]), len(shape) - 1: tuple(shape[1:-1])}
    off = {dim: mismatch(grid, size) for dim, grid in grids.items() if min(grid) > 1}
    fitting = [dim for dim in off if grids[dim] in known] or [dim for dim in off if off[dim] <= 1]
    return min(fitting, key=lambda dim: (off[dim] > 0, dim), default=None)


def exact(shape: Size, size: Size) -> int | None:
    """The dimension of the channels where only one grid has the image's proportions exactly."""
    grids = {1: tuple(shape[2:]), len(shape) - 1: tuple(shape[1:-1])}
    fitting = [dim for dim, grid in grids.items() if not mismatch(grid, size)]
    return fitting[0] if len(size) > 1 and len(fitting) == 1 else None


def places(shape: Size, dim: int) -> Size:
    """What is left of an activation's shape without samples and channels."""
    return tuple(size for i, size in enumerate(shape) if i not in (0, dim))

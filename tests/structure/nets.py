"""Small networks, and what can be changed in them."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """A residual block; `order` says which convolution runs first, `residual` whether the input is added."""

    def __init__(self, *, residual: bool = True, order: str = "ab", **conv: Any) -> None:
        super().__init__()
        settings = {"stride": 1, "padding": 1, "dilation": 1, "groups": 1, "bias": True} | conv
        self.a = nn.Conv2d(8, 8, 3, **settings)
        self.norm = nn.BatchNorm2d(8)
        self.act = nn.ReLU()
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self._residual, self._order = residual, order

    def forward(self, x):
        y = x
        for name in self._order:
            y = getattr(self, name)(y)
        y = self.act(self.norm(y))
        return x + y if self._residual else y


class Net(nn.Module):
    """Stem, two blocks, pooling, head; and a convolution without a module."""

    def __init__(
        self, pool: type[nn.Module] = nn.AdaptiveAvgPool2d, functional_stride: int = 2, **block: Any
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(Block(), Block(**block))
        self.pool = pool(1)
        self.head = nn.Linear(8, 4)
        self.kernel = nn.Parameter(torch.zeros(8, 8, 1, 1))
        self._stride = functional_stride

    def forward(self, x):
        x = F.conv2d(self.blocks(self.stem(x)), self.kernel, stride=self._stride)
        return self.head(self.pool(x).flatten(1))

"""Histograms of tensors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BINS = 64


@dataclass(frozen=True)
class Histogram:
    """Counts in equal bins between `low` and `high`."""

    low: float
    high: float
    counts: tuple[int, ...]


def plain(tensor: Tensor) -> Tensor:
    """The values in a row, in a precision that statistics can be made in."""
    flat = tensor.detach().flatten()
    return flat if flat.dtype == torch.float64 else flat.float()


def histogram(values: Tensor, low: float, high: float) -> Histogram:
    """The histogram of finite `values` between `low` and `high`."""
    if low == high:
        counts = [0] * BINS
        counts[BINS // 2] = values.numel()
        return Histogram(low, high, tuple(counts))
    counted = torch.histc(values, BINS, low, high)
    return Histogram(low, high, tuple(int(c) for c in counted.tolist()))

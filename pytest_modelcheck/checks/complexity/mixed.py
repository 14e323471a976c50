"""Operators that meet tensors of meta and of another device: models hold some beside their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from .formulas import Arguments

CPU_SCALAR = 0  # dimensions of a tensor that may meet any device


def is_mixed(args: Arguments, kwargs: Mapping[str, object]) -> bool:
    """Whether some tensors are on meta and others (scalars aside, they may stay) are not."""
    found: set[bool] = set()
    _places((*args, *kwargs.values()), found)
    return len(found) == 2


def _places(values: Iterable[object], found: set[bool]) -> None:
    for value in values:
        if isinstance(value, Tensor):
            found.add(value.is_meta)
        elif isinstance(value, (list, tuple)):
            _places(value, found)


def to_meta(tensor: Tensor) -> Tensor:
    if tensor.is_meta or tensor.dim() == CPU_SCALAR:
        return tensor
    return torch.empty_like(tensor, device="meta")

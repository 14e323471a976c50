"""Operators that meet tensors of meta and of another device: models hold some beside their parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from .formulas import Arguments

META, OTHER = 1, 2
CPU_SCALAR = 0  # dimensions of a tensor that may meet any device


def is_mixed(args: Arguments, kwargs: Mapping[str, object]) -> bool:
    """Whether some tensors are on meta and others (scalars aside, they may stay) are not."""
    places = _places(args)
    if kwargs:
        places |= _places(kwargs.values())
    return places == META | OTHER


def _places(values: Iterable[object]) -> int:
    found = 0
    for value in values:
        if isinstance(value, Tensor):
            found |= META if value.is_meta else OTHER
        elif isinstance(value, (list, tuple)):
            found |= _places(value)
    return found


def to_meta(tensor: Tensor) -> Tensor:
    if tensor.is_meta or tensor.dim() == CPU_SCALAR:
        return tensor
    return torch.empty_like(tensor, device="meta")

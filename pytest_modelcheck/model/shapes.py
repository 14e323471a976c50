"""The shape of any tensor, as numbers and in words; asking for it never fails."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from ..text import RAGGED, size_words


def sizes(tensor: Tensor) -> tuple[int, ...]:
    """The size of each dimension; RAGGED where there is no single one, () where nothing is known yet."""
    try:
        if not tensor.is_nested:
            return tuple(tensor.shape)
    except (RuntimeError, NotImplementedError, ValueError):  # not initialised yet, or a subclass that refuses
        pass
    return tuple(_size(tensor, dimension) for dimension in range(_dimensions(tensor)))


def shape_words(tensor: Tensor) -> str:
    """`1x3x224x224`; a star for a ragged size."""
    if is_lazy(tensor):
        return "uninitialised"
    return size_words(sizes(tensor)) or "scalar"


def _size(tensor: Tensor, dimension: int) -> int:
    try:
        size = tensor.size(dimension)
    except (RuntimeError, NotImplementedError, ValueError):
        return RAGGED
    return size if type(size) is int else RAGGED  # that of jagged tensors is a symbol


def _dimensions(tensor: Tensor) -> int:
    try:
        return tensor.dim()
    except (RuntimeError, NotImplementedError, ValueError):
        return 0


def is_plain(tensor: Tensor) -> bool:
    """Whether it has one value for each place: dense, neither nested nor quantised."""
    return tensor.layout is torch.strided and not tensor.is_nested and not tensor.is_quantized

"""Bytes: what an operator reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from . import elementwise
from .formulas import Arguments, is_dense
from .packed import unpacked

Moved: TypeAlias = tuple[object, object]  # the values that are read, and written
Traffic: TypeAlias = Callable[[Arguments, object], Moved]
Bytes: TypeAlias = dict[torch.dtype, int]


def everything(args: Arguments, out: object) -> Moved:
    """All arguments are read, all results written."""
    return args, out


def _gathered(args: Arguments, out: object) -> Moved:
    """Of the source only what is taken is read."""
    return (out, args[1:]), out


def _scattered(args: Arguments, out: object) -> Moved:
    """Of the target only what is put there is written."""
    values = args[1:]
    return values, values if _size(values) < _size(out) else out


def _overwritten(args: Arguments, out: object) -> Moved:
    return args[1:], out


def traffic_of(name: str) -> Traffic:
    """What an operator of this name reads and writes."""
    if name in elementwise.GATHERS:
        return _gathered
    if name in elementwise.SCATTERS:
        return _scattered
    return _overwritten if name in elementwise.OVERWRITES else everything


def add_bytes(values: object, sums: Bytes) -> int:
    """Bytes of the tensors among `values`, however nested; also added to `sums`, by dtype."""
    if isinstance(values, Tensor):
        return _add(values, sums) if is_dense(values) else add_bytes(_parts(values), sums)
    total = 0
    if isinstance(values, (list, tuple)):
        for value in values:
            if isinstance(value, (Tensor, list, tuple, torch.ScriptObject)):
                total += add_bytes(value, sums)
    elif isinstance(values, torch.ScriptObject):
        total = add_bytes(unpacked(values), sums)
    return total


def _add(tensor: Tensor, sums: Bytes) -> int:
    size, dtype = tensor.numel() * tensor.element_size(), tensor.dtype
    sums[dtype] = sums.get(dtype, 0) + size
    return size


def _size(values: object) -> int:
    return add_bytes(values, {})


def _parts(tensor: Tensor) -> list[Tensor]:
    """Indices and values of a sparse tensor."""
    if tensor.layout == torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]

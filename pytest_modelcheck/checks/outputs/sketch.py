"""A tensor in a few numbers, of which two tell how far their tensors are apart (a random projection).

Its elements stand in rows of `WIDTH`; each sum is one of a column, in which each row has a random sign, and there are
`TIMES` choices of signs. The squared distance of two sketches is on average `TIMES` times that of their tensors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

WIDTH, TIMES = 32, 4
STRETCH = 2**22  # elements at once


class Sketch(NamedTuple):
    """`sums` of a tensor's elements; `precision`: the relative distance of neighbouring numbers of its dtype (0 of
    whole numbers). What is not finite is counted in further sums.
    """

    sums: Tensor
    shape: tuple[int, ...]
    precision: float

    @classmethod
    def of(cls, tensor: Tensor) -> Sketch:
        """A tensor's, whatever its strides are."""
        plain = torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor
        flat = plain.detach().reshape(-1)
        sums = _sums(flat)
        if not math.isfinite(sums.sum().item()):
            sums = _of_infinite(flat.double())
        return cls(sums, tuple(tensor.shape), _precision(tensor.dtype))

    @classmethod
    def read(cls, given: Sequence[Any]) -> Sketch:
        """From a plain tuple."""
        return cls(given[0], tuple(given[1]), float(given[2]))

    def apart(self, other: Sketch) -> float | None:
        """The distance, relative to the size of this one (root mean squares); None where their shapes are no match."""
        if _sizes(self.shape) != _sizes(other.shape):
            return None
        if self.sums.shape != other.sums.shape:
            return math.inf  # one of them is not finite
        if torch.equal(self.sums, other.sums):
            return 0.0
        own, there = self.sums.double(), other.sums.double()
        size, distance = float(own.norm()), float((own - there).norm())
        return distance / size if size else (math.inf if distance else 0.0)


def _sizes(shape: tuple[int, ...]) -> list[int]:
    """Without axes of one element: they change no element's place."""
    return [size for size in shape if size != 1]


def _sums(flat: Tensor) -> Tensor:
    """Of all elements; those of a last row that is not full have no sign."""
    if flat.numel() <= STRETCH:
        return _part(flat, 0)
    parts = [
        _part(flat[start : start + STRETCH], start).double() for start in range(0, flat.numel(), STRETCH)
    ]
    return torch.stack(parts).sum(0)


def _part(flat: Tensor, start: int) -> Tensor:
    wide = flat.dtype in (torch.float64, torch.int64)
    part = flat.to(torch.float64 if wide else torch.float32)
    rows, left = divmod(part.numel(), WIDTH)
    whole = part[: rows * WIDTH] if left else part
    sums = _first_signs(rows, start, part.dtype, part.device) @ whole.view(rows, WIDTH)
    if left:
        sums[:, :left] += part[rows * WIDTH :]
    return sums.cpu().view(-1)


def _of_infinite(flat: Tensor) -> Tensor:
    finite = torch.isfinite(flat)
    kinds = flat.isnan().double() + 2.0 * (flat == math.inf) + 3.0 * (flat == -math.inf)
    return torch.cat([_sums(torch.where(finite, flat, 0.0)), _sums(kinds)])


@functools.lru_cache(maxsize=64)
def _precision(kind: torch.dtype) -> float:
    return torch.finfo(kind).eps if kind.is_floating_point or kind.is_complex else 0.0


@functools.lru_cache(maxsize=512)  # networks repeat a few shapes, and to slice takes as long as to multiply
def _first_signs(rows: int, start: int, kind: torch.dtype, device: torch.device) -> Tensor:
    return _signs(start, kind, device)[:, :rows]


@functools.lru_cache(maxsize=8)
def _signs(start: int, kind: torch.dtype, device: torch.device) -> Tensor:
    """The same in every process."""
    generator = torch.Generator().manual_seed(start)
    bits = torch.randint(0, 2, (TIMES, STRETCH // WIDTH), generator=generator, dtype=torch.int8)
    return (bits * 2 - 1).to(kind).to(device)

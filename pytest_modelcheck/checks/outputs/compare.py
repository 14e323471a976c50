"""How far two outputs are apart, tensor by tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...model.subject import dtype_name
from ...text import size_words
from .leaves import widened

NO_CLASSES = ("box", "keypoint", "hidden", "embed", "feature", "pool", "coord", "point", "offset")


@dataclass(frozen=True)
class Row:
    """One tensor of the output. Errors are relative to its largest magnitude; of whole numbers and truth values, which
    have no distance, they are the share of elements that differ.

    `equal`: the share of equal elements; `nan`, `inf`: how many on the other side, and here. `problem`: why there is
    no error. `spread`: root mean square error, relative to that of the values. `is_same`: bit for bit, zeros with their
    signs; NaN is the same as NaN.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    max_error: float
    mean_error: float
    equal: float
    nan: tuple[int, int] = (0, 0)
    inf: tuple[int, int] = (0, 0)
    problem: str = ""
    spread: float = 0.0
    is_same: bool = False
    positions: int = 0
    agreed: int = 0
    where: tuple[int, ...] = ()


def compare(own: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Iterator[Row]:
    """One row for each tensor of both; `own` is what errors are relative to."""
    for path in dict.fromkeys([*own, *other]):
        if path in own and path in other:
            yield _row(path, own[path], other[path])
        else:
            here = own.get(path, other.get(path))
            assert here is not None
            problem = "only here" if path in own else "only there"
            yield _without(path, here, problem)


def _without(path: str, tensor: Tensor, problem: str) -> Row:
    return Row(
        path,
        tuple(tensor.shape),
        dtype_name(tensor),
        math.inf,
        math.inf,
        0.0,
        problem=problem,
        spread=math.inf,
    )


def _row(path: str, own: Tensor, other: Tensor) -> Row:
    if own.shape != other.shape:
        sizes = [size_words(side.shape) or "one number" for side in (other, own)]
        return _without(path, own, f"shape {sizes[0]} there, {sizes[1]} here")
    a, b = (widened(side.detach().resolve_conj().resolve_neg()).cpu() for side in (own, other))
    nan, inf = (
        (_count(torch.isnan, b), _count(torch.isnan, a)),
        (_count(torch.isinf, b), _count(torch.isinf, a)),
    )
    measured = a.is_floating_point() or a.is_complex()
    if a.is_complex() or b.is_complex():
        a, b = a.to(torch.complex128), b.to(torch.complex128)
    pairs = [*zip(_parts(a), _parts(b), strict=True)]
    alike = torch.stack([(x == y) | ((x != x) & (y != y)) for x, y in pairs]).all(0)
    equal = float(alike.double().mean()) if a.numel() else 1.0
    is_same = own.dtype is other.dtype and equal == 1.0
    facts = (path, tuple(own.shape), dtype_name(own))
    if not measured:
        share = 1 - equal
        return Row(*facts, share, share, equal, nan, inf, spread=share, is_same=is_same, where=_first(~alike))
    is_same = is_same and all(_signs_alike(*pair) for pair in pairs)
    error, mean, spread, where = _errors(_wide(a), _wide(b), alike)
    return Row(*facts, error, mean, equal, nan, inf, "", spread, is_same, *_classes(path, a, b), where)


def _wide(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_complex() else tensor.double()


def _parts(tensor: Tensor) -> Sequence[Tensor]:
    """Of complex numbers the real and the imaginary ones."""
    return torch.view_as_real(tensor).unbind(-1) if tensor.is_complex() else (tensor,)


def _signs_alike(one: Tensor, other: Tensor) -> bool:
    """Of NaN the sign says nothing."""
    return bool((torch.signbit(one) == torch.signbit(other))[~torch.isnan(one)].all())


def _count(what: object, tensor: Tensor) -> int:
    return int(what(tensor).sum()) if tensor.is_floating_point() or tensor.is_complex() else 0  # type: ignore[operator]


def _errors(a: Tensor, b: Tensor, alike: Tensor) -> tuple[float, float, float, tuple[int, ...]]:
    """The largest, the mean, the root mean square, and where the largest is; infinite where one side is not finite."""
    if not a.numel():
        return 0.0, 0.0, 0.0, ()
    off = torch.where(alike, 0.0, (a - b).abs())
    off = torch.where(torch.isnan(off), math.inf, off)
    finite = a[torch.isfinite(a)]
    scale = float(finite.abs().max()) if finite.numel() else 0.0
    size = float(finite.norm())
    place = int(off.argmax())
    where = tuple(map(int, torch.unravel_index(torch.tensor(place), off.shape))) if off.dim() else ()
    worst = float(off.reshape(-1)[place])
    return _share(worst, scale), _share(float(off.mean()), scale), _share(float(off.norm()), size), where


def _share(error: float, scale: float) -> float:
    return error / scale if scale else (math.inf if error else 0.0)


def _first(differs: Tensor) -> tuple[int, ...]:
    places = differs.nonzero()
    return tuple(places[0].tolist()) if len(places) else ()


def _classes(path: str, own: Tensor, other: Tensor) -> tuple[int, int]:
    """At how many positions there is an arg-max over classes, and at how many it is the same.

    Classes stand last in what has two axes (N, C) or three (N, T, C), and second in images (N, C, H, W).
    """
    named = path.rpartition(".")[2].lower()
    if own.dim() < 2 or not own.is_floating_point() or any(word in named for word in NO_CLASSES):
        return 0, 0
    axis = -1 if own.dim() <= 3 else 1
    if own.shape[axis] < 2 or not own.numel() or not other.is_floating_point():
        return 0, 0
    same = own.argmax(axis) == other.argmax(axis)
    return same.numel(), int(same.sum())

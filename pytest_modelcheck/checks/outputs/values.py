"""The values of an output as numpy holds them: which of them are kept, and what is said of them all."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

LARGEST = 5
_WIDE = (torch.float64, torch.complex128)
_WHOLE = ("bool", *(f"{sign}int{bits}" for sign in ("u", "") for bits in (8, 16, 32, 64)))
KINDS = ("float32", "float64", "complex64", "complex128", *_WHOLE)
"""What values are kept as: floats as float32 and complex numbers as complex64, which hold all narrower kinds; wider
ones, whole numbers and booleans as they are."""


class Figures(NamedTuple):
    """What is said of all values of an output. `mean` to `max` are of the finite ones (of complex numbers the
    magnitudes), None where there is none; `largest`: index and value of the five largest; `nan`, `inf`: how many.
    """

    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    largest: tuple[tuple[tuple[int, ...], float], ...]
    nan: int
    inf: int


def as_kept(tensor: Tensor) -> np.ndarray | None:
    """All its values, on the CPU, as one of `KINDS`; None for a kind that numpy has no values for."""
    plain = tensor.detach().resolve_conj().resolve_neg()
    try:
        if plain.dtype not in _WIDE:
            own = (
                torch.complex64
                if plain.is_complex()
                else torch.float32
                if plain.is_floating_point()
                else None
            )
            plain = plain.to(own or plain.dtype)
        array = np.array(plain.cpu().numpy())
    except (TypeError, RuntimeError):  # kinds of a few bits
        return None
    if array.dtype.name not in KINDS:
        return None
    if array.dtype.kind in "fc":  # one NaN for all: processors write different ones
        parts = array.reshape(-1).view(array.real.dtype)
        parts[np.isnan(parts)] = np.nan
    return array


def places(count: int, most: int) -> np.ndarray | None:
    """Which of `count` values are kept where `most` may be; None for all.

    One of each of `most` equal stretches, chosen by a hash: the same on every platform.
    """
    if count <= most:
        return None
    numbers = np.arange(most + 1, dtype=np.uint64)
    starts = numbers * np.uint64(count) // np.uint64(most)
    widths = np.diff(starts)
    return np.asarray(starts[:-1] + _hash(numbers[:-1]) % widths).astype(np.int64)


def _hash(numbers: np.ndarray) -> np.ndarray:
    """SplitMix64."""
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def digest(values: np.ndarray) -> str:
    """Of whole numbers and booleans, which must be equal, kept or not; "" of others."""
    if values.dtype.kind not in "biu":
        return ""
    return hashlib.sha256(np.ascontiguousarray(little(values)).tobytes()).hexdigest()[:32]


def little(values: np.ndarray) -> np.ndarray:
    """With the bytes of each value in the order in which files have them."""
    return values.astype(values.dtype.newbyteorder("<"))


def figures(values: np.ndarray) -> Figures:
    """What is said of them."""
    sizes = np.abs(values) if values.dtype.kind == "c" else values
    flat = sizes.reshape(-1)
    finite = np.isfinite(flat)
    nan = int(np.isnan(flat).sum())
    inf = int(len(flat) - finite.sum()) - nan
    seen = flat[finite]
    if not len(seen):
        return Figures(None, None, None, None, (), nan, inf)
    wide = seen.astype(np.float64)
    # squares of the largest doubles are beyond them
    scale = float(np.abs(wide).max()) or 1.0
    return Figures(
        float((wide / scale).mean() * scale),
        float((wide / scale).std() * scale),
        _number(seen.min()),
        _number(seen.max()),
        _largest(flat, finite, values.shape) if values.dtype.kind != "b" else (),
        nan,
        inf,
    )


def _largest(
    flat: np.ndarray, finite: np.ndarray, shape: tuple[int, ...]
) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Of equal ones the first."""
    known = np.flatnonzero(finite)
    most = min(LARGEST, len(known))
    least = np.partition(flat[known], -most)[-most]
    over = known[flat[known] > least]
    chosen = [*over, *known[flat[known] == least][: most - len(over)]]
    ordered = sorted(chosen, key=lambda place: (-_number(flat[place]), place))
    return tuple(
        (tuple(int(i) for i in np.unravel_index(place, shape)), _number(flat[place])) for place in ordered
    )


def _number(value: Any) -> float:
    """A whole number stays one."""
    found: float = value.item()
    return found


def shown(value: object) -> str:
    """A value in six digits; whole numbers and booleans as they are."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, (bool, int)):
        return str(plain)
    return f"{plain + 0:.6g}" if isinstance(plain, (float, complex)) else str(plain)  # no -0


def uniform(size: int, told: Figures, kept: np.ndarray) -> str:
    """What all values are: `empty`, `0.5 everywhere`; "" where they differ, or there is one. `kept`: flat, some."""
    if not size:
        return "empty"
    if told.min is None:
        return "infinite or NaN everywhere" if told.inf else "NaN everywhere"
    broken = told.nan or told.inf
    is_constant = size > 1 and told.min == told.max and not broken and bool((kept == kept[0]).all())
    return f"{shown(kept[0])} everywhere" if is_constant else ""


def silence(size: int, told: Figures, kept: np.ndarray) -> str:
    """The same of values that prove nothing by their agreement. A class or a truth value may be the same for all
    examples and still be an answer: of these the inputs decide.
    """
    return "" if size and kept.dtype.kind in "biu" else uniform(size, told, kept)


def silent(outputs: Mapping[str, str]) -> str:
    """Why outputs prove nothing, in a sentence, by why each does; "" where one says something."""
    if not outputs:
        return "there is no tensor among them"
    told = [f"{path!r} is {why}" for path, why in outputs.items()]
    return ", ".join(told[:3]) if all(outputs.values()) else ""

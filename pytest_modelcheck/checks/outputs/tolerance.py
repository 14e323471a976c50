"""Outputs against stored ones: which values are apart by more than a tolerance.

A value may be off by `atol`, and by `rtol` of itself as it is stored; of small ones by `rtol` of a hundredth of their
output's largest magnitude: sums of many terms are off by a share of the terms, however small the sum is. Whole numbers
and booleans must be equal, NaN and infinities have the same places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...text import count, printable
from .result import Outputs, Row
from .values import shown, silent

RTOL, ATOL = 1e-3, 1e-5
FLOOR = 0.01  # of the largest magnitude: values below count as that large
COARSE = 0.01  # an `atol` beyond this share of an output is told
_ROUNDING = 1e-9  # of sums over all values, which are made in another order elsewhere


@dataclass(frozen=True)
class Difference:
    """What is to be said of one output: how far `beyond` its tolerance the worst value is, and a line."""

    beyond: float
    line: str


def differences(actual: Outputs, expected: Outputs, rtol: float = RTOL, atol: float = ATOL) -> list[str]:
    """A line for each output that differs, those that cannot be compared first, then the farthest apart."""
    new, old = _by_path(actual), _by_path(expected)
    found = [Difference(np.inf, f"{printable(path)}: gone") for path in old if path not in new]
    found += [Difference(np.inf, f"{printable(path)}: new") for path in new if path not in old]
    pairs = [(new[path], row) for path, row in old.items() if path in new]
    found += [difference for pair in pairs for difference in _differing(*pair, rtol, atol)]
    lines = [difference.line for difference in sorted(found, key=lambda one: -one.beyond)]
    if not lines and [*new] != [*old]:
        lines = [f"the outputs come in another order: {', '.join(map(printable, new))}"]
    gone, come = (_without(*pair) for pair in ((expected, actual), (actual, expected)))
    return [*lines, *(f"{one}: gone" for one in gone), *(f"{one}: new" for one in come)]


def _by_path(outputs: Outputs) -> Mapping[str, Row]:
    return {row.path: row for row in outputs.rows}


def _without(some: Outputs, others: Outputs) -> list[str]:
    """What one of them holds beside tensors, and the other does not."""
    return [printable(one) for one in some.others if one not in others.others]


def _differing(new: Row, old: Row, rtol: float, atol: float) -> Iterator[Difference]:
    path = printable(old.path)
    for what, before, now in (
        ("shape", _words(old.shape), _words(new.shape)),
        ("dtype", old.dtype, new.dtype),
    ):
        if before != now:
            yield Difference(np.inf, f"{path}: {what} {before} expected, {now} measured")
            return
    places, got, want = _common(new, old)
    most = _allowed(want, old.scale, rtol, atol)
    off = _off(got, want)
    far = off > most
    if far.any():
        beyond = _share(off, most)
        worst = int(beyond.argmax())
        line = _line(path, old, places[worst], got[worst], want[worst], most[worst], far)
        yield Difference(float(beyond[worst]), line)
    elif new.digest != old.digest:
        yield Difference(np.inf, f"{path}: differs at places of which the file has no values")
    elif old.is_sample:
        yield from _figures(path, new, old, rtol, atol)


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of one value"


def _common(new: Row, old: Row) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat places that both have values of, and these values."""
    if new.places is None and old.places is None:
        return np.arange(old.values.size), new.values.reshape(-1), old.values.reshape(-1)
    mine, theirs = (np.arange(row.size) if row.places is None else row.places for row in (new, old))
    places, left, right = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
    return places, new.values.reshape(-1)[left], old.values.reshape(-1)[right]


def _allowed(want: np.ndarray, scale: float, rtol: float, atol: float) -> np.ndarray:
    """By how much each value may be off."""
    if want.dtype.kind in "biu":
        return np.zeros(want.shape)
    with np.errstate(invalid="ignore"):
        return np.asarray(atol + rtol * np.maximum(np.nan_to_num(np.abs(want)), FLOOR * scale))


def _off(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """How far apart; infinitely where one is NaN and the other not, or an infinity is not the same one."""
    if want.dtype.kind in "biu":
        return np.asarray(got != want).astype(np.float64)
    wide = np.complex128 if want.dtype.kind == "c" else np.float64
    with np.errstate(invalid="ignore", over="ignore"):
        off: np.ndarray = np.abs(got.astype(wide) - want.astype(wide))
    off[np.isnan(off)] = np.inf
    off[(got == want) | (np.isnan(got) & np.isnan(want))] = 0.0
    return off


def _share(off: np.ndarray, most: np.ndarray) -> np.ndarray:
    """In units of what is allowed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(off > 0, off / most, 0.0))


def _line(path: str, row: Row, place: int, got: object, want: object, most: float, far: np.ndarray) -> str:
    """The worst value, and how many there are."""
    index = [int(i) for i in np.unravel_index(place, row.shape)]
    of = f"{len(far):,} compared" if row.is_sample else f"{len(far):,}"
    limit = f" ({shown(float(most))} allowed)" if most else ""
    verb = "differs" if far.sum() == 1 else "differ"
    many = f"{int(far.sum()):,} of {of} {verb}{' by more than allowed' if most else ''}"
    both = f"{shown(want)} expected, {shown(got)} measured"
    return f"{path}{index if index else ''}: {both}{limit}; {many}"


def _figures(path: str, new: Row, old: Row, rtol: float, atol: float) -> Iterator[Difference]:
    """Of an output that is kept as a sample: what is said of all its values."""
    for word, before, now in (
        ("NaN", old.figures.nan, new.figures.nan),
        ("infinite", old.figures.inf, new.figures.inf),
    ):
        if before != now:
            told = f"{count(before, 'value')} expected to be {word}, {now:,} measured"
            yield Difference(np.inf, f"{path}: {told}")
            return
    most = atol + rtol * old.scale
    for name in ("min", "max", "mean", "std"):
        before, now = getattr(old.figures, name), getattr(new.figures, name)
        if before is not None and abs(now - before) > most + _ROUNDING * max(abs(before), abs(now)):
            told = f"{shown(before)} expected, {shown(now)} measured"
            line = f"{path}: {name} of all {old.size:,} values: {told}; the sample is within the tolerance"
            yield Difference(abs(now - before) / most if most else np.inf, line)
            return


def silence(outputs: Outputs, rtol: float = RTOL, atol: float = ATOL) -> str:
    """Why agreement with these outputs would prove nothing; "" where it would.

    There is none, or each is empty, NaN everywhere, constant, or so close to constant that one value would agree with
    all of them.
    """
    return silent({row.path: row.silence or _flat(row, rtol, atol) for row in outputs.rows})


def _flat(row: Row, rtol: float, atol: float) -> str:
    low, high = row.figures.min, row.figures.max
    exact = row.values.dtype.kind in "biu"
    if exact or row.size < 2 or low is None or high is None or row.figures.nan or row.figures.inf:
        return ""
    if row.values.dtype.kind == "c":  # of the same magnitude, they may point anywhere
        low = -high
    middle, reach = (low + high) / 2, (high - low) / 2
    if reach > atol + rtol * abs(middle):
        return ""
    spread = f"between {shown(low)} and {shown(high)}"
    return f"{spread}, all within the tolerance of one value (rtol {rtol:g}, atol {atol:g})"


def coarse(outputs: Outputs, atol: float) -> list[str]:
    """Where `atol` is much of an output: there changes may be missed."""
    return [
        f"atol {atol:g} is {atol / row.scale:.2g} of the largest value of {row.path!r}: a smaller one would see more"
        for row in outputs.rows
        if row.values.dtype.kind in "fc" and row.size > 1 and 0 < row.scale * COARSE < atol
    ]

"""Outputs against stored ones: which values are apart by more than a tolerance.

A value may be off by `atol`, and by `rtol` of its output's largest stored magnitude. Not of its own: sums of many terms
are off by a share of the terms, however small the sum is. Whole numbers and booleans must be equal, NaN and infinities
have the same places.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...text import count, printable
from .result import Outputs, Row
from .values import shown

RTOL, ATOL = 1e-3, 1e-5
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
    most = _allowed(old, rtol, atol)
    off = _off(got, want)
    far = off > most
    if far.any():
        yield Difference(_share(off.max(), most), _line(path, old, places, got, want, off, far, most))
    elif new.digest != old.digest:
        yield Difference(np.inf, f"{path}: differs at places of which the file has no values")
    elif old.is_sample:
        yield from _figures(path, new, old, most)


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "of one value"


def _common(new: Row, old: Row) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Flat places that both have values of, and these values."""
    if new.places is None and old.places is None:
        return np.arange(old.values.size), new.values.reshape(-1), old.values.reshape(-1)
    mine, theirs = (np.arange(row.size) if row.places is None else row.places for row in (new, old))
    places, left, right = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
    return places, new.values.reshape(-1)[left], old.values.reshape(-1)[right]


def _allowed(row: Row, rtol: float, atol: float) -> float:
    return 0.0 if row.values.dtype.kind in "biu" else atol + rtol * row.scale


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


def _share(off: float, most: float) -> float:
    return off / most if most else np.inf


def _line(
    path: str,
    row: Row,
    places: np.ndarray,
    got: np.ndarray,
    want: np.ndarray,
    off: np.ndarray,
    far: np.ndarray,
    most: float,
) -> str:
    """The worst value, and how many there are."""
    worst = int(off.argmax())
    index = [int(i) for i in np.unravel_index(places[worst], row.shape)]
    at = f"{path}{index if index else ''}"
    of = f"{len(off):,} compared" if row.is_sample else f"{len(off):,}"
    by = f" by more than {shown(most)}" if most else ""
    many = f"{int(far.sum()):,} of {of} {'differs' if far.sum() == 1 else 'differ'}{by}"
    return f"{at}: {shown(want[worst])} expected, {shown(got[worst])} measured; {many}"


def _figures(path: str, new: Row, old: Row, most: float) -> Iterator[Difference]:
    """Of an output that is kept as a sample: what is said of all its values."""
    for name in ("nan", "inf"):
        before, now = getattr(old.figures, name), getattr(new.figures, name)
        if before != now:
            word = "NaN" if name == "nan" else "infinite"
            told = f"{count(before, 'value')} expected to be {word}, {now:,} measured"
            yield Difference(np.inf, f"{path}: {told}")
            return
    for name in ("min", "max", "mean", "std"):
        before, now = getattr(old.figures, name), getattr(new.figures, name)
        if before is not None and abs(now - before) > most + _ROUNDING * max(abs(before), abs(now)):
            told = f"{shown(before)} expected, {shown(now)} measured"
            yield Difference(
                _share(abs(now - before), most),
                f"{path}: {name} of all {old.size:,} values {told}; the sample is within {shown(most)}",
            )
            return

"""What a drift may be against, and its figures in words; known before torch is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from ...records.plain import number
from ...verdict.units import RATIO

if TYPE_CHECKING:
    from .compare import Row

BASE = "base"
EQUAL = "equal, but not bit for bit: a zero has another sign, or a dtype is another"
SAME, BOTH = "the same, bit for bit", "head's weights in both"
Variant: TypeAlias = Literal[
    "bfloat16",
    "float16",
    "float64",
    "autocast",
    "channels_last",
    "one_by_one",
    "repeated",
    "compile",
    "export",
    "onnx",
    "cuda",
]
WORDS: tuple[str, ...] = (BASE, *get_args(Variant))


def words(entry: Mapping[str, Any]) -> str:
    """Of `Drift.figures`, also as a record holds it:
    `3.1e-3 of their scale, top-1 the same for 8 of 8; first at layer2.0.bn1`.
    """
    first = entry["first_module"]
    if entry["incomparable"]:
        text = f"cannot be compared: {entry['incomparable']}"
    elif entry["vacuous"]:
        text = f"the same, but they say nothing: {entry['vacuous']}"
    elif entry["bit_for_bit"]:
        text = f"{SAME} ({BOTH})" if entry["against"] == BASE else SAME
    else:
        text = amount(entry)
    return f"{text}; first at {first}" if first is not None else text


def amount(entry: Mapping[str, Any]) -> str:
    """`3.1e-3 of their scale, top-1 the same for 8 of 8`, of what is not the same bit for bit."""
    error = _size(entry)
    if not error:
        return EQUAL
    worst = max(entry["outputs"], key=_size, default=None)
    measured = worst is None or "float" in worst["dtype"] or "complex" in worst["dtype"]
    text = f"{short(error)} of their scale" if measured else f"{RATIO.format(error, 3)} of their entries"
    positions, agreed = entry["positions"], entry["agreed"]
    return f"{text}, top-1 the same for {agreed:,} of {positions:,}" if positions else text


def _size(entry: Mapping[str, Any]) -> float:
    """A record has no infinities."""
    error = number(entry["max_error"])
    return math.inf if error is None else error


def short(error: float) -> str:
    """`3.1e-3`."""
    if not math.isfinite(error):
        return "infinitely much"
    digits, _, power = f"{error:.1e}".partition("e")
    return f"{digits}e{int(power)}"


def row_words(row: Row) -> str:
    """One output's error in words."""
    if row.problem:
        return row.problem
    broken = [
        f"{kind} {there:,} there, {here:,} here" for kind, (there, here) in _broken(row) if there != here
    ]
    place = f", the most at {list(row.where)}" if row.max_error and row.where else ""
    size = SAME if row.is_same else f"{short(row.max_error)}{place}" if row.max_error else EQUAL
    return ", ".join([size, *broken])


def _broken(row: Row) -> tuple[tuple[str, tuple[int, int]], ...]:
    return ("NaN", row.nan), ("Inf", row.inf)

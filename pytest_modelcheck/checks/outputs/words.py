"""What a drift may be against, and its figures in words; known before torch is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from ...verdict.units import RATIO

if TYPE_CHECKING:
    from .compare import Row
    from .drift import Drift

BASE = "base"
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


def words(drift: Drift) -> str:
    """`3.1e-3 of their scale, top-1 the same for 8 of 8; first at layer2.0.bn1`."""
    if drift.incomparable:
        text = f"cannot be compared: {drift.incomparable}"
    elif drift.vacuous:
        text = f"the same, but they say nothing: {drift.vacuous}"
    elif drift.bit_for_bit:
        text = "the same, bit for bit"
    elif not drift.max_error:
        text = "equal, but not bit for bit: a zero has another sign, or a dtype is another"
    else:
        text = amount(drift)
    return f"{text}; first at {drift.first_module}" if drift.first_module is not None else text


def amount(drift: Drift) -> str:
    """`3.1e-3 of their scale, top-1 the same for 8 of 8`."""
    worst = drift.worst
    measured = worst is None or "float" in worst.dtype or "complex" in worst.dtype
    size = short(drift.max_error) if measured else RATIO.format(drift.max_error, 3)
    text = f"{size} of their {'scale' if measured else 'entries'}"
    return f"{text}, top-1 the same for {drift.agreed:,} of {drift.positions:,}" if drift.positions else text


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
    size = "the same, bit for bit" if row.is_same else f"{short(row.max_error)}{place}"
    return ", ".join([size, *broken])


def _broken(row: Row) -> tuple[tuple[str, tuple[int, int]], ...]:
    return ("NaN", row.nan), ("Inf", row.inf)

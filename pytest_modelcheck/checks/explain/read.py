"""Read the values that `invariance_budget` limits."""

from __future__ import annotations

from collections.abc import Sequence

from ...verdict.judge import Measurement
from .invariance import Invariance


def read_invariance(seen: Invariance) -> dict[str, Measurement]:
    """The lowest probability and the largest feature shift, with the place where they were met."""
    layer, shifts = list(seen.distance.items())[-1]
    return {
        "invariance_probability": Measurement(
            seen.min_probability, notes=(_where(seen, seen.probability, seen.min_probability),)
        ),
        "invariance_feature_shift": Measurement(
            seen.max_feature_shift,
            notes=(f"features of {layer!r}; " + _where(seen, shifts, seen.max_feature_shift),),
        ),
    }


def _where(seen: Invariance, rows: Sequence[Sequence[float]], value: float) -> str:
    step, sample = next((i, row.index(value)) for i, row in enumerate(rows) if value in row)
    return f"met at {seen.axis} {seen.values[step]:.3g}, sample {sample}"

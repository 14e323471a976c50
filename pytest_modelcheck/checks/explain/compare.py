"""Compare two heatmaps: how alike their places are, and how alike their strengths. Needs no syrupy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ...errors import LimitError
from ...text import not_one_of

Preset: TypeAlias = Literal["strict", "default", "loose"]
PRESETS: Mapping[str, tuple[float, float]] = {
    "strict": (1e-5, 0.005),
    "default": (1e-3, 0.10),
    "loose": (1e-2, 0.25),
}
"""Limits (a, b) of `1 - Pearson` and of the largest relative change, for maps of the same precision.

None is wide enough for bfloat16 beside float32: rounding then moves a map by as much as small defects do.
"""

BEYOND = "  <- differs"


@dataclass(frozen=True)
class StoredMap:
    """What a snapshot keeps of a heatmap: the raw map (N, h, w) and the facts about it."""

    raw: np.ndarray
    facts: Mapping[str, object]


@dataclass(frozen=True)
class HeatmapComparison:
    """`correlation_distance` is 1 - Pearson, `max_change` is max|change| / max|expected|; the worst of the batch.

    `reason` says what else differs (`other`: shape, layer, method, target); it alone is enough for a mismatch.
    """

    preset: str
    correlation_distance: float = 0.0
    max_change: float = 0.0
    reason: str = ""
    limits: tuple[float, float] = PRESETS["default"]  # (a, b)
    expected: StoredMap | None = None
    other: str = ""

    @property
    def matches(self) -> bool:
        """Whether the maps are the same for this preset."""
        a, b = self.limits
        return not self.reason and self.correlation_distance <= a and self.max_change <= b

    @property
    def deciding(self) -> tuple[float, float]:
        """Value and limit of the strength where only that differs, else of the places."""
        a, b = self.limits
        return (self.max_change, b) if self.only_strength else (self.correlation_distance, a)

    @property
    def only_strength(self) -> bool:
        """Whether the places are alike, and the strengths are not."""
        a, b = self.limits
        return self.correlation_distance <= a and not self.max_change <= b

    def lines(self) -> list[str]:
        """The comparison in words."""
        if self.reason:
            return [self.reason]
        a, b = self.limits
        places, strength = self.correlation_distance, self.max_change
        return [
            f"places    1 - Pearson          {places:.3g}  (at most {a:g}){_mark(places, a)}",
            f"strength  max |change| / max   {strength:.3g}  (at most {b:g}){_mark(strength, b)}",
        ]


def _mark(value: float, limit: float) -> str:
    return "" if value <= limit else BEYOND  # NaN is beyond any


def check_preset(preset: str) -> str:
    """`preset`, if there is one of this name. Raises LimitError."""
    if preset not in PRESETS:
        raise LimitError(not_one_of("preset", preset, PRESETS))
    return preset


def tolerance(
    preset: str | None, places: float | None, strength: float | None
) -> tuple[str, tuple[float, float]]:
    """Name and limits (a, b): a preset's, or the test's own where it gave them. Raises LimitError."""
    a, b = PRESETS[check_preset(preset or "default")]
    for name, value in (("places", places), ("strength", strength)):
        bad = isinstance(value, bool) or not (value is None or isinstance(value, (int, float)))
        if bad or (value is not None and not 0 <= value < float("inf")):
            raise LimitError(f"heatmap_snapshot: {name}={value!r} is not a number from 0 on")
    own = [f"{n}={v:g}" for n, v in (("places", places), ("strength", strength)) if v is not None]
    limits = (a if places is None else float(places), b if strength is None else float(strength))
    return ", ".join([preset or "default", *own]), limits


def compare(
    actual: StoredMap,
    expected: StoredMap,
    preset: str = "default",
    limits: tuple[float, float] | None = None,
) -> HeatmapComparison:
    """Compare what a test saw with what is stored; `limits` (a, b) in place of the preset's."""
    limits = limits or PRESETS[check_preset(preset)]
    other, reason = _other_map(actual, expected)
    if reason:
        return HeatmapComparison(preset, reason=reason, limits=limits, expected=expected, other=other)
    pairs = list(zip(actual.raw.astype(np.float64), expected.raw.astype(np.float64), strict=True))
    return HeatmapComparison(
        preset,
        max((_correlation_distance(a, e) for a, e in pairs), default=0.0),
        max((_max_change(a, e) for a, e in pairs), default=0.0),
        limits=limits,
        expected=expected,
    )


def _other_map(actual: StoredMap, expected: StoredMap) -> tuple[str, str]:
    """What makes it another map, if anything does; and why the two are none that can be compared."""
    for fact in ("method", "layer", "target"):
        old, new = expected.facts.get(fact), actual.facts.get(fact)
        if old != new:
            return fact, f"{fact:<9} {old} expected, {new} measured"
    if actual.raw.shape != expected.raw.shape:
        return "shape", f"shape     {_shape(expected.raw)} expected, {_shape(actual.raw)} measured"
    for raw, word in ((expected.raw, "expected"), (actual.raw, "measured")):
        if not raw.size or not np.isfinite(raw).all():
            return (
                "",
                f"map       the {word} one {'holds NaN or infinite values' if raw.size else 'is empty'}",
            )
    return "", ""


def _shape(raw: np.ndarray) -> str:
    return "x".join(map(str, raw.shape))


def _correlation_distance(actual: np.ndarray, expected: np.ndarray) -> float:
    """1 - Pearson; 0 for two flat maps, 1 for a flat and a varied one."""
    a, e = actual - actual.mean(), expected - expected.mean()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(e))
    flat = [
        norm <= 1e-12 * max(float(np.abs(m).max()), 1e-300)
        for norm, m in zip(norms, (actual, expected), strict=True)
    ]
    if any(flat):
        return 0.0 if all(flat) else 1.0
    return max(0.0, 1.0 - float((a * e).sum()) / (norms[0] * norms[1]))


def _max_change(actual: np.ndarray, expected: np.ndarray) -> float:
    largest = float(np.abs(expected).max())
    change = float(np.abs(actual - expected).max())
    if largest == 0:
        return 0.0 if change == 0 else float("inf")
    return change / largest

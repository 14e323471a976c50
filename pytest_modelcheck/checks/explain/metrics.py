"""What explanations are measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import RATIO, Unit

PROBABILITY = Metric("invariance_probability", RATIO, "{transform} probability", more="better")
FEATURE_SHIFT = Metric("invariance_feature_shift", RATIO, "{transform} shift")
HEATMAP = Metric(
    "heatmap",
    Unit("", "", "a distance", "0.001"),
    nature="distance",
    breach="heatmap differs from its snapshot",
)
"""1 - Pearson, or the largest change as a share of the largest value: what decided."""

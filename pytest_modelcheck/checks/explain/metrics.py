"""What explanations are measured in."""

from __future__ import annotations

from ...verdict.metric import Definition, Metric
from ...verdict.units import RATIO, Unit

CHANGED = Definition(2, "0.1")  # probabilities as the model means them, another default layer, other masks
PROBABILITY = Metric(
    "invariance_probability", RATIO, "{transform} probability", more="better", definition=CHANGED
)
FEATURE_SHIFT = Metric("invariance_feature_shift", RATIO, "{transform} shift", definition=CHANGED)
HEATMAP = Metric(
    "heatmap",
    Unit("", "", "a distance", "0.001"),
    nature="distance",
    breach="heatmap differs from its snapshot",
)
"""1 - Pearson, or the largest change as a share of the largest value: what decided."""

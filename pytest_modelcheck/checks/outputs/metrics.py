"""What outputs are measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import DIFFERENCES, RATIO

SNAPSHOT = Metric(
    "output_snapshot", DIFFERENCES, nature="distance", breach="outputs differ from their snapshot"
)
DRIFT = Metric("drift", RATIO, "drift against {against}", nature="distance")
DISAGREEMENT = Metric("drift_disagreement", RATIO, "other top-1 than {against}", nature="distance")

"""What outputs are measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import DIFFERENCES

SNAPSHOT = Metric(
    "output_snapshot", DIFFERENCES, nature="distance", breach="outputs differ from their snapshot"
)

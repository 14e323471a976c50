"""What structure is measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import DIFFERENCES

SNAPSHOT = Metric(
    "structure_snapshot", DIFFERENCES, nature="distance", breach="structure differs from its snapshot"
)

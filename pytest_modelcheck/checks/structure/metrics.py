"""What structure is measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import LINES

SNAPSHOT = Metric(
    "structure_snapshot", LINES, nature="distance", breach="structure differs from its snapshot"
)

"""What latency is measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import RATIO, SECONDS

LATENCY = Metric("latency", SECONDS, nature="time")
SLOWDOWN = Metric("latency_regression", RATIO, "slowdown", nature="comparison")

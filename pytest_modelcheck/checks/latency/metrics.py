"""What latency is measured in."""

from __future__ import annotations

from ...verdict.metric import Definition, Metric
from ...verdict.units import RATIO, SECONDS

# 2: on the wall where the model waits; without inference mode; a backward as a training step makes it
LATENCY = Metric("latency", SECONDS, nature="time", definition=Definition(2, "0.1"))
SLOWDOWN = Metric("latency_regression", RATIO, "slowdown", nature="comparison")

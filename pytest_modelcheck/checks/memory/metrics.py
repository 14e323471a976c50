"""What peak memory is measured in."""

from __future__ import annotations

from ...verdict.metric import Definition, Metric
from ...verdict.units import BYTES

# 2: layers that a checkpoint runs again in the backward put their gradients where the others do
PEAK_MEMORY = Metric("peak_memory", BYTES, definition=Definition(2, "0.1"))

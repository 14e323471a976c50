"""What peak memory is measured in."""

from __future__ import annotations

from ...verdict.metric import Metric
from ...verdict.units import BYTES

PEAK_MEMORY = Metric("peak_memory", BYTES)

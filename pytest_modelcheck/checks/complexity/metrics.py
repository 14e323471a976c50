"""What complexity is measured in."""

from __future__ import annotations

from ...verdict import units
from ...verdict.metric import Definition, Metric

FLOPS = Metric("flops", units.FLOPS, "FLOPs")
MACS = Metric("macs", units.MACS, "MACs")
MEMORY_ACCESS = Metric("memory_access", units.BYTES, definition=Definition(2, "0.1"))
ACTIVATIONS = Metric("activations", units.ELEMENTS, definition=Definition(2, "0.1"))
PARAMS = Metric("params", units.PARAMS, "parameters")
SNAPSHOT = Metric(
    "complexity_snapshot", units.DIFFERENCES, nature="distance", breach="complexity differs from its snapshot"
)

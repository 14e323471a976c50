"""The section `onnx`: exports, and how two records compare."""

from __future__ import annotations

from ...drawing.panel import Panel
from ...records.section import Section
from .changes import COMPARISON, ExportEntry

ONNX = Section(
    "onnx",
    tab="graph",
    title="ONNX",
    type=list[ExportEntry],
    panel=Panel(__package__, "panel.html.j2"),
    changes=COMPARISON,
)

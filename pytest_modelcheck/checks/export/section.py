"""The section `onnx`: exports, and how two records compare."""

from __future__ import annotations

from typing_extensions import NotRequired, TypedDict

from ...drawing.panel import Panel
from ...records.section import Section
from ...records.types import Figure
from .changes import COMPARISON


class ExportEntry(TypedDict):
    """What `Onnx.to_dict()` gives."""

    name: str
    opset: NotRequired[Figure]
    dynamic: NotRequired[str | None]
    size_bytes: NotRequired[Figure]
    operators: dict[str, int]
    reason: NotRequired[str]


ONNX = Section(
    "onnx",
    tab="graph",
    title="ONNX",
    type=list[ExportEntry],
    panel=Panel(__package__, "panel.html.j2"),
    changes=COMPARISON,
)

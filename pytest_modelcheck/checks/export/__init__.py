"""ONNX: export, checker, agreement with ONNX Runtime, size, operators."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry

STARTED = time.time()  # older files of a report folder are an earlier run's


def register(registry: Registry) -> None:
    """The marker `onnx_export`, and its section of the report."""
    from .check import ExportCheck
    from .section import ONNX

    registry.add(ExportCheck())
    registry.add_section(ONNX)

"""ONNX: export, checker, agreement with ONNX Runtime, size, operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .started import STARTED  # now, before this run writes any file

if TYPE_CHECKING:
    from ..registry import Registry

__all__ = ["STARTED", "register"]


def register(registry: Registry) -> None:
    """The marker `onnx_export`, and its section of the report."""
    from .check import ExportCheck
    from .section import ONNX
    from .trial import TRIAL

    registry.add(ExportCheck())
    registry.add_section(ONNX)
    registry.add_trial(TRIAL)

"""Explanation: which pixels speak for a score, and what features see."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The marker, the sections of the report, and what heatmap snapshots are measured in."""
    from .check import InvarianceCheck
    from .metrics import HEATMAP
    from .section import SECTIONS

    registry.add(InvarianceCheck())
    registry.add_metric(HEATMAP)
    for section in SECTIONS:
        registry.add_section(section)

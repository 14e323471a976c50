"""Explanation: heatmaps that show which pixels speak for a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import Registry

if TYPE_CHECKING:
    from ..subject import Subject


def register(registry: Registry) -> None:
    """The section of the report."""
    registry.add_section("heatmaps", _describe)


def _describe(subject: Subject) -> Any:
    from .describe import describe

    return describe(subject)

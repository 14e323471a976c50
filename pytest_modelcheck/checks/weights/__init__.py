"""Weights: statistics, histograms, filters, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...demand.check import Registry

if TYPE_CHECKING:
    from ...model.subject import Subject


def register(registry: Registry) -> None:
    """The section of the report."""
    registry.add_section("weights", _describe)


def _describe(subject: Subject) -> dict[str, Any]:
    from .stats import describe

    return describe(subject)

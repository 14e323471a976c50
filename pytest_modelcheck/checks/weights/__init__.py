"""Weights: statistics, histograms, filters, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The sections of the report."""
    from .section import COMPARED, WEIGHTS

    registry.add_section(WEIGHTS)
    registry.add_section(COMPARED)

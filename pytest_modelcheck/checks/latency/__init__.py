"""Latency: the time of a call, sampled until a limit is decided, and paired comparison of two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The budget of this folder, and its section of the report."""
    from .budgets import LatencyBudget
    from .section import LATENCY

    registry.add(LatencyBudget())
    registry.add_section(LATENCY)

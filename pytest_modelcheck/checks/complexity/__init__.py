"""Complexity: operations, bytes, activations and parameters, per operator and per module."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The budgets of this folder, and its section of the report."""
    from .budgets import BUDGETS
    from .metrics import SNAPSHOT
    from .section import COMPLEXITY
    from .trial import TRIAL

    for budget in BUDGETS:
        registry.add(budget)
    registry.add_metric(SNAPSHOT)
    registry.add_section(COMPLEXITY)
    registry.add_trial(TRIAL)

"""Peak memory: the tensors that are alive at once in a forward, a backward or a training step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The budget of this folder, and its section of the report."""
    from .budgets import PeakMemoryBudget
    from .section import MEMORY
    from .trial import TRIAL

    registry.add(PeakMemoryBudget())
    registry.add_section(MEMORY)
    registry.add_trial(TRIAL)

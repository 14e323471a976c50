"""What torch.compile makes of a model: graphs, graph breaks, recompiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The marker `compile_budget`, and its section of the report."""
    from .check import CompileBudget
    from .section import COMPILE
    from .trial import TRIAL

    registry.add(CompileBudget())
    registry.add_section(COMPILE)
    registry.add_trial(TRIAL)

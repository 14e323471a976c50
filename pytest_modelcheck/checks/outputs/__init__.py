"""Outputs: what the model answers, kept in files, and how far it is from another model's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The sections of the report, and what output snapshots are measured in."""
    from .check import DriftBudget
    from .metrics import SNAPSHOT
    from .section import ANSWERS, DRIFT, OUTPUTS
    from .trial import NO_TRACE, OUTPUTS_TRIAL

    registry.add(DriftBudget())
    registry.add_metric(SNAPSHOT)
    registry.add_section(OUTPUTS)
    registry.add_section(DRIFT)
    registry.add_section(ANSWERS)
    registry.add_trial(OUTPUTS_TRIAL)
    registry.add_trial(NO_TRACE)

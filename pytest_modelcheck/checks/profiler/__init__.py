"""Operator counts of one call, as torch.profiler counts them: exact and repeatable, so they can be gated on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The budgets of this folder, and its section of the report."""
    from .budgets import HostSyncCheck, OperatorBudget
    from .section import PROFILE

    registry.add(OperatorBudget())
    registry.add(HostSyncCheck())
    registry.add_section(PROFILE)

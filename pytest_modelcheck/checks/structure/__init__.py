"""Structure: what the model is made of, how data flows through it, fingerprints, differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..registry import Registry


def register(registry: Registry) -> None:
    """The sections of the report, and what structure snapshots are measured in."""
    from .metrics import SNAPSHOT
    from .section import AUTOGRAD, STRUCTURE
    from .trial import TRIAL

    registry.add_metric(SNAPSHOT)
    registry.add_section(STRUCTURE)
    registry.add_section(AUTOGRAD)
    registry.add_trial(TRIAL)

"""Structure: what the model is made of, how data flows through it, fingerprints, differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...demand.check import Registry

if TYPE_CHECKING:
    from ...model.subject import Subject


def register(registry: Registry) -> None:
    """The section of the report."""
    registry.add_section("structure", _describe)


def _describe(subject: Subject) -> dict[str, Any]:
    from .measure import describe

    return describe(subject).to_dict()

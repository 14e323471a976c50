"""The section `memory`: its type, its figure, and how it is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import NotRequired, TypedDict

from ...records.section import Section, Total
from ...records.types import Number
from ...verdict.phases import FORWARD
from .metrics import PEAK_MEMORY
from .panel import PANEL

if TYPE_CHECKING:
    from ...model.subject import Subject


class MemoryEntry(TypedDict):
    """What `PeakMemory.to_dict()` gives: one phase."""

    total: Number
    phase: NotRequired[str]


def _describe(subject: Subject) -> list[dict[str, Any]]:
    from .measure import peak_memory

    return [{**peak_memory(subject).to_dict(), "nodeid": None}]


def _forward(content: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What it says about a forward call."""
    return next((item for item in content if item.get("phase") in (None, FORWARD)), {})


MEMORY = Section(
    "memory",
    _describe,
    tab="memory",
    title="Peak memory",
    type=list[MemoryEntry],
    panel=PANEL,
    totals=(Total(PEAK_MEMORY, lambda content: _forward(content).get("total")),),
)

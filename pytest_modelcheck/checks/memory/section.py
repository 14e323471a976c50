"""The section `memory`: its type, its figure, and how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def _describe(subject: Subject) -> list[dict[str, object]]:
    from .measure import peak_memory

    return [{**peak_memory(subject).to_dict(), "nodeid": None}]


def _forward(content: list[MemoryEntry]) -> Number:
    """The figure of a forward call."""
    return next((item.get("total") for item in content if item.get("phase") in (None, FORWARD)), None)


MEMORY = Section(
    "memory",
    _describe,
    tab="memory",
    title="Peak memory",
    type=list[MemoryEntry],
    panel=PANEL,
    totals=(Total(PEAK_MEMORY, _forward, key=True),),
    steady=True,
)

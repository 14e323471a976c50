"""The section `latency`: its type, and slowdowns between two records."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from ...records.section import Section
from .changes import COMPARISON
from .panel import PANEL


class LatencyEntry(TypedDict):
    """What `to_dict()` of a latency, of a sweep over batch sizes or of a comparison gives."""

    kind: Literal["latency", "sweep", "comparison"]


LATENCY = Section(
    "latency", tab="time", title="Latency", type=list[LatencyEntry], panel=PANEL, changes=COMPARISON
)

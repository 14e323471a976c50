"""The section `profile`: where the time of a call goes."""

from __future__ import annotations

from typing_extensions import NotRequired, TypedDict

from ...records.section import Section
from .panel import PANEL
from .step import Step


class ShapedRow(TypedDict):
    """An operator's calls with arguments of the same shapes."""

    name: str
    shapes: list[list[int]]
    calls: int
    self_time: float


class ProfileEntry(TypedDict):
    """What `Profile.to_dict()` gives: one call, or some steps of a loop."""

    steps: int
    counts: dict[str, int]
    shapes: NotRequired[list[ShapedRow]]
    step: NotRequired[Step]


PROFILE = Section("profile", tab="time", title="Profile", type=list[ProfileEntry], panel=PANEL)

"""The section `profile`: where the time of a call goes."""

from __future__ import annotations

from typing_extensions import TypedDict

from ...drawing.panel import Panel
from ...records.section import Section


class ProfileEntry(TypedDict):
    """What `Profile.to_dict()` gives: one call, or some steps of a loop."""

    steps: int
    counts: dict[str, int]


PROFILE = Section(
    "profile",
    tab="time",
    title="Profile",
    type=list[ProfileEntry],
    panel=Panel(__package__, "panel.html.j2"),
)

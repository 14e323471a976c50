"""The sections of explanation: heatmaps, projections to pixels, and what a test found out about both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import NotRequired, TypedDict

from ...drawing.panel import Panel
from ...records.section import Section
from .changes import COMPARISON
from .entries import HeatmapEntry
from .metrics import CHANGED
from .panel import curves, judged, made, per_sample, rows

if TYPE_CHECKING:
    from ...model.subject import Subject

FUNCTIONS: dict[str, Callable[..., object]] = {
    "per_sample": per_sample,
    "judged": judged,
    "curves": curves,
    "made": made,
    "rows": rows,
}


class CurveEntry(TypedDict):
    """What a test found out; its panel knows the rest."""

    nodeid: NotRequired[str | None]


def _describe(
    subject: Subject, heatmaps: str = "auto", classes: Sequence[str] = ()
) -> list[dict[str, object]] | dict[str, str]:
    from .automatic import describe

    return describe(subject, heatmaps, classes)


def _functions() -> Mapping[str, Callable[..., object]]:
    """What the templates call."""
    from .colormap import scales, stops

    return {**FUNCTIONS, "scales": scales, "stops": stops}


def _section(name: str, title: str, **more: Any) -> Section:
    template = Panel(__package__, f"{name}.html.j2", functions=_functions, style="panel.css")
    return Section(name, tab="maps", title=title, panel=template, **more)


HEATMAPS = Section(
    "heatmaps",
    _describe,
    tab="maps",
    title="Heatmaps",
    type=list[HeatmapEntry],
    panel=Panel(__package__, "heatmaps.html.j2", functions=_functions, style="panel.css", script="panel.js"),
    evidence=Panel(__package__, "evidence.html.j2"),
    changes=COMPARISON,
    settings=("heatmaps", "classes"),
    definition=CHANGED,
    steady=True,  # within the tolerance of its comparison
)
SECTIONS = (
    HEATMAPS,
    _section("projections", "Projections to pixels", type=list[CurveEntry], former=("deconvnet",)),
    _section("faithfulness", "Faithfulness", type=list[CurveEntry], definition=CHANGED),
    _section("invariance", "Invariance", type=list[CurveEntry], definition=CHANGED),
    _section("evolution", "Evolution of features", type=list[CurveEntry]),
)

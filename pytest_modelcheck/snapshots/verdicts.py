"""A heatmap comparison as a verdict and a picture in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..units import Unit
from ..verdict import Limit, Measurement, Outcome, Verdict
from .compare import HeatmapComparison
from .pictures import compared_pictures

if TYPE_CHECKING:
    from ..explain.heatmap import Heatmap
    from ..recorder import Recorder

DISTANCE = Unit("", "", "a distance", "0.001", {})


def record_comparison(recorder: Recorder, comparison: HeatmapComparison, heatmap: Heatmap) -> None:
    """Put the comparison among the run's checks, and the heatmap among its subject's."""
    subject = recorder.owner(heatmap)
    recorder.verdict(_verdict(comparison, heatmap, subject.name if subject else ""))
    if subject is not None:
        pictures = None if comparison.matches else compared_pictures(heatmap, comparison.expected)
        recorder.result(subject, "heatmaps", _Compared(heatmap, comparison, pictures))


@dataclass(frozen=True)
class _Compared:
    """A heatmap with what it was compared with."""

    heatmap: Heatmap
    comparison: HeatmapComparison
    pictures: dict[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """An entry of the record's section `heatmaps`."""
        shown = {"compared": self.pictures, "lines": self.comparison.lines()} if self.pictures else {}
        return {**self.heatmap.to_dict(), **shown}


def _verdict(comparison: HeatmapComparison, heatmap: Heatmap, subject: str) -> Verdict:
    a, _ = comparison.limits
    limit = Limit("heatmap", DISTANCE, max=a, options={"preset": comparison.preset})
    notes = ("new snapshot",) if comparison.created else tuple(comparison.lines())
    measurement = Measurement(comparison.correlation_distance, aka=heatmap.title, notes=notes)
    passed = comparison.created or comparison.matches
    return Verdict(subject, limit, Outcome.PASS if passed else Outcome.FAIL, measurement, a)

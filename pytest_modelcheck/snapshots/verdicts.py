"""Comparisons of snapshots as verdicts in the record; a heatmap's with its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..checks.explain.compare import HeatmapComparison
from ..checks.explain.pictures import compared_pictures
from ..verdict.judge import Limit, Measurement, Outcome, Verdict
from ..verdict.units import Unit
from .text import SHOWN

if TYPE_CHECKING:
    from syrupy.assertion import AssertionResult

    from ..checks.explain.heatmap import Heatmap
    from ..records.recorder import Recorder
    from .text import TextExtension

DISTANCE = Unit("", "", "a distance", "0.001", {})
LINES = Unit("lines", "lines", "a number of lines", "0 lines", {})


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
    value, most = comparison.deciding
    limit = Limit("heatmap", DISTANCE, max=most, options={"preset": comparison.preset})
    if comparison.reason and not comparison.created:  # two maps that cannot be compared have no distance
        return Verdict(subject, limit, Outcome.FAIL, error=comparison.reason)
    notes = ("new snapshot",) if comparison.created else tuple(comparison.lines())
    passed = comparison.created or comparison.matches
    measurement = Measurement(value, aka=heatmap.title, notes=notes)
    return Verdict(subject, limit, Outcome.PASS if passed else Outcome.FAIL, measurement, most)


def record_text(recorder: Recorder, result: AssertionResult, extension: TextExtension, data: object) -> None:
    """Put a comparison of text among the run's checks: how many lines differ, and which."""
    subject = recorder.owner(data)
    lines = extension.differences(str(result.asserted_data), str(result.recalled_data or ""))
    limit = Limit(f"{extension.noun}_snapshot", LINES, max=0)
    if result.success:
        measurement = Measurement(0, notes=("new snapshot",) if result.created else ())
    elif result.recalled_data is None:
        words = "there is no snapshot yet; create it with --snapshot-update"
        measurement = Measurement(len(lines), notes=(words,))
    else:
        measurement = Measurement(len(lines), notes=tuple(lines[:SHOWN]))
    outcome = Outcome.PASS if result.success else Outcome.FAIL
    recorder.verdict(Verdict(subject.name if subject else "", limit, outcome, measurement, 0))

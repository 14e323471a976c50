"""Comparisons of snapshots as verdicts in the record; a heatmap's with its picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..checks.explain.compare import HeatmapComparison
from ..checks.explain.metrics import HEATMAP
from ..checks.explain.pictures import compared_pictures
from ..verdict.judge import Outcome, Verdict
from ..verdict.limit import Limit, Place
from ..verdict.measurement import Measurement
from ..verdict.message import tell
from .text import SHOWN

if TYPE_CHECKING:
    from syrupy.assertion import AssertionResult

    from ..checks.explain.heatmap import Heatmap
    from ..records.recorder import Recorder
    from .text import TextExtension


def record_comparison(recorder: Recorder, comparison: HeatmapComparison, heatmap: Heatmap) -> None:
    """Put the comparison among the run's checks, and the pictures beside the subject's heatmap."""
    _note(recorder, _verdict(comparison, heatmap, _place(recorder, "heatmap_snapshot")), heatmap)
    if not comparison.matches:
        pictures = compared_pictures(heatmap, comparison.expected)
        if pictures is not None:
            recorder.amend(heatmap, {"compared": pictures, "lines": comparison.lines()})


def _place(recorder: Recorder, fixture: str) -> Place:
    """The fixture of the test, in the marker's place."""
    return Place(recorder.nodeid.partition("[")[0], fixture)


def _note(recorder: Recorder, verdict: Verdict, data: object) -> None:
    subject = recorder.owner(data)
    if subject is not None:
        verdict = replace(verdict, subject=subject.name, signature=subject.signature)
    recorder.verdict(tell(verdict))


def _verdict(comparison: HeatmapComparison, heatmap: Heatmap, place: Place) -> Verdict:
    value, most = comparison.deciding
    limit = Limit(HEATMAP, max=most, options={"preset": comparison.preset}, place=place)
    if comparison.reason and not comparison.created:  # two maps that cannot be compared have no distance
        return Verdict("", limit, Outcome.FAIL, error=comparison.reason)
    notes = ("new snapshot",) if comparison.created else tuple(comparison.lines())
    passed = comparison.created or comparison.matches
    measurement = Measurement(value, aka=heatmap.title, notes=notes)
    return Verdict("", limit, Outcome.PASS if passed else Outcome.FAIL, measurement, most)


def record_text(recorder: Recorder, result: AssertionResult, extension: TextExtension, data: object) -> None:
    """Put a comparison of text among the run's checks: how many lines differ, and which."""
    limit = Limit(extension.metric, max=0, place=_place(recorder, extension.metric.name))
    if result.success:
        measurement = Measurement(0, notes=("new snapshot",) if result.created else ())
    elif result.recalled_data is None:
        words = "there is no snapshot yet; create it with --snapshot-update"
        lines = extension.differing(result.asserted_data or "", "")
        measurement = Measurement(len(lines), notes=(words,))
    else:
        lines = extension.differing(result.asserted_data or "", result.recalled_data)
        measurement = Measurement(len(lines), notes=tuple(lines[:SHOWN]))
    outcome = Outcome.PASS if result.success else Outcome.FAIL
    _note(recorder, Verdict("", limit, outcome, measurement, 0), data)

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
from .heatmap import scores
from .png import stored
from .replacement import shown, write_replacement
from .text import SHOWN

if TYPE_CHECKING:
    from syrupy.assertion import AssertionResult

    from ..checks.explain.heatmap import Heatmap
    from ..errors import ModelCheckError
    from ..records.recorder import Recorder
    from .files import StoredFile
    from .heatmap import HeatmapExtension
    from .text import TextExtension

HEATMAPS = "heatmaps"  # the section
TAKEN_OVER = "taken over by --snapshot-update"
NEW = "new snapshot"
NO_SNAPSHOT = "not measured (no snapshot)"
MISSING = "there is no snapshot yet; create it with --snapshot-update"


def record_heatmap(
    recorder: Recorder, result: AssertionResult, extension: HeatmapExtension, heatmap: Heatmap
) -> None:
    """Put the comparison among the run's checks, and the pictures beside the subject's heatmap."""
    recorder.adopt(heatmap, HEATMAPS)
    extension.told = _told(recorder, result, extension)
    comparison = _comparison(result, extension)
    lines = [*_lines(comparison, result, heatmap), *extension.told]
    value, most = comparison.deciding
    options = {"preset": comparison.preset}
    limit = Limit(HEATMAP, max=most, options=options, place=_place(recorder, "heatmap_snapshot"))
    if comparison.reason:  # two maps that cannot be compared have no distance
        instead = (
            f"another {comparison.other}"
            if comparison.other
            else ("" if result.recalled_data else NO_SNAPSHOT)
        )
        verdict = replace(_judged(result, limit), error="\n".join(lines), instead=instead)
    else:
        where = "" if comparison.matches else "in strength" if comparison.only_strength else "in places"
        measured = Measurement(value, aka=heatmap.title, notes=tuple(lines), beside=where)
        verdict = _judged(result, limit, measured)
    _note(recorder, verdict, heatmap)
    pictures = None if comparison.matches else compared_pictures(heatmap, comparison.expected)
    if pictures is not None:
        recorder.amend(heatmap, {"compared": pictures, "lines": lines})


def _comparison(result: AssertionResult, extension: HeatmapExtension) -> HeatmapComparison:
    """What syrupy's result stands on; a new map is as far from itself as can be asked for."""
    if result.recalled_data is None or result.asserted_data is None:
        return HeatmapComparison(
            extension.preset, reason="" if result.created else MISSING, limits=extension.limits
        )
    return extension.compared(result.asserted_data, result.recalled_data)


def _lines(comparison: HeatmapComparison, result: AssertionResult, heatmap: Heatmap) -> list[str]:
    """What there is to say of it; of a new one, that it is new."""
    if result.created:
        return [NEW]
    changed = scores(comparison.expected, stored(heatmap)) if result.updated else []
    return [*comparison.lines(), *changed]


def record_text(recorder: Recorder, result: AssertionResult, extension: TextExtension, data: object) -> None:
    """Put a comparison of text among the run's checks: how many lines differ, and which."""
    recorder.adopt(data)
    differs = not result.success and result.recalled_data is not None
    reasons = extension.reasons(data) if differs else ()
    extension.told = (*reasons, *_told(recorder, result, extension))
    limit = Limit(extension.metric, max=0, place=_place(recorder, extension.metric.name))
    lines = extension.differing(result.asserted_data or "", result.recalled_data or "")
    told = tuple(extension.notes(data))
    if result.created:
        measurement = Measurement(0, notes=(NEW, *told))
    elif result.success and not result.updated:
        measurement = Measurement(0, notes=told)
    elif result.recalled_data is None:
        text = "\n".join((MISSING, *extension.told))
        verdict = replace(_judged(result, limit), error=text, instead=NO_SNAPSHOT)
        return _note(recorder, verdict, data)
    else:
        measurement = Measurement(len(lines), notes=(*extension.told, *lines[:SHOWN], *told))
    return _note(recorder, _judged(result, limit, measurement), data)


def record_nothing(
    recorder: Recorder, extension: type[TextExtension], data: object, error: ModelCheckError
) -> None:
    """Put among the run's checks that there was nothing to compare."""
    limit = Limit(extension.metric, max=0, place=_place(recorder, extension.metric.name))
    _note(recorder, Verdict("", limit, Outcome.ERROR, error=str(error)), data)


def _judged(result: AssertionResult, limit: Limit, measurement: Measurement | None = None) -> Verdict:
    """The verdict is syrupy's; what was taken over breaches nothing."""
    if result.updated:
        return Verdict("", limit, Outcome.ACCEPTED, measurement, reason=TAKEN_OVER)
    outcome = Outcome.PASS if result.success else Outcome.FAIL
    return Verdict("", limit, outcome, measurement, limit.max)


def _told(recorder: Recorder, result: AssertionResult, extension: StoredFile) -> tuple[str, ...]:
    """Of a failed comparison: where its new file was written, if it was, and what its old one may be."""
    if result.success:
        return ()
    lines, former = [], extension.former
    if recorder.folder is not None:
        place = write_replacement(
            result, extension, recorder.folder, result.test_location.item.config.rootpath
        )
        lines += [f"the new file: {shown(place)}"] if place is not None else []
    if result.recalled_data is None and former is not None and former.exists():
        lines.append(f"it may be stored as {former.name}, where others are too: --snapshot-update parts them")
    return tuple(lines)


def _place(recorder: Recorder, fixture: str) -> Place:
    """The fixture of the test, in the marker's place."""
    return Place(recorder.nodeid.partition("[")[0], fixture)


def _note(recorder: Recorder, verdict: Verdict, data: object) -> None:
    subject = recorder.owner(data)
    if subject is not None:
        verdict = replace(verdict, subject=subject.name, signature=subject.signature)
    recorder.verdict(tell(verdict))

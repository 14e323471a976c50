"""Verdicts and subjects as entries of the record."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..verdict.judge import Verdict
from ..verdict.limit import Place
from ..verdict.message import Told, changed_groups, metric_title, value_text
from .gone import accepted_entry
from .types import (
    ChangedPart,
    CheckEntry,
    LossEntry,
    LossPhase,
    Number,
    Owned,
    PartEntry,
    PlaceEntry,
    ShareEntry,
    SubjectEntry,
)

if TYPE_CHECKING:
    from ..model.subject import Subject

SHOWN = 10  # modules of a check
MOST = 500  # of those that changed, where they are many that changed alike


def check_entry(nodeid: str, told: Told) -> CheckEntry:
    """A verdict as an entry of `checks`."""
    verdict = told.verdict
    limit, measurement = verdict.limit, verdict.measurement
    return {
        "nodeid": nodeid,
        "place": place_entry(limit.place),
        "metric": limit.metric.name,
        "options": dict(limit.options),
        "source": verdict.source,
        "demand": verdict.demand,
        "definition": limit.metric.definition.version,
        "subject": verdict.subject,
        "signature": verdict.signature,
        "title": metric_title(limit.metric, limit.options),
        "value": measurement.value if measurement else None,
        "unit": limit.unit.noun,
        "limit": _decisive(verdict),
        "max": limit.max,
        "min": limit.min,
        "max_regression": limit.max_regression,
        "base": verdict.base,
        "level": "warn" if limit.level == "warn" else "fail",
        "limit_reason": limit.reason,
        "replaces": list(limit.replaces),
        "interval": ends(measurement.interval) if measurement and measurement.interval else None,
        "outcome": verdict.outcome.value,
        "message": told.text,
        "error": verdict.error,
        "reason": verdict.reason,
        "caveat": measurement.caveat if measurement else "",
        "varies": measurement.varies if measurement else False,
        "protocol": measurement.protocol if measurement else "",
        "contributors": _contributors(verdict),
        "modules": _modules(verdict),
        "changes": _changes(verdict),
        "where": limit.where,
        "value_text": value_text(measurement, verdict),
        "limit_text": str(limit),
        "limit_short": limit.short,
        "headroom": verdict.headroom,
        **_accepted(verdict),
        "instead": measurement.instead if measurement else "",
    }


def _accepted(verdict: Verdict) -> Owned:
    one = verdict.accepted
    if one is None:
        return {}
    return {"accepted": accepted_entry(one)}


def loss_entry(
    nodeid: str, phase: LossPhase, reason: str, *, source: str = "", absent: str = ""
) -> LossEntry:
    """Why there is no figure at the base."""
    return {"nodeid": nodeid, "phase": phase, "source": source, "reason": reason, "absent": absent}


def place_entry(place: Place) -> PlaceEntry:
    """Where a marker stands."""
    return {"node": place.node, "marker": place.marker, "index": place.index}


def ends(interval: tuple[float, float]) -> list[Number]:
    """An interval; None for an end that it does not have."""
    return [end if math.isfinite(end) else None for end in interval]


def _decisive(verdict: Verdict) -> float | None:
    if verdict.bound is not None:
        return verdict.bound
    return verdict.limit.max if verdict.limit.max is not None else verdict.limit.min


def _contributors(verdict: Verdict) -> list[ShareEntry]:
    measurement = verdict.measurement
    if measurement is None:
        return []
    total = measurement.value or 1
    return [
        {"module": c.module, "value": c.value, "share": c.value / total}
        for c in measurement.heaviest[:SHOWN]
        if c.value
    ]


def _modules(verdict: Verdict) -> list[PartEntry] | None:
    """All parts, for a later run to compare with; None where `contributors` has them all."""
    parts = verdict.measurement.contributors if verdict.measurement else ()
    if len(parts) <= SHOWN:
        return None
    return [{"module": c.module, "value": c.value} for c in parts]


def _changes(verdict: Verdict) -> list[ChangedPart]:
    """Those that differ most; of modules that differ alike, and are told as one, all."""
    groups = changed_groups(verdict.changes)[:SHOWN]
    kept = {id(change) for group in groups for change in group.members}
    shown = [change for change in verdict.changes if id(change) in kept][:MOST]
    return [{"module": c.module, "base": c.base, "value": c.value} for c in shown]


def subject_entry(subject: Subject, nodeid: str) -> SubjectEntry:
    """The head of a subject's entry, as one test reports it; the sections of the checks are added to it."""
    module = subject.architecture
    return {
        "name": subject.name,
        "type": type(module).__name__,
        "inputs": str(subject.inputs).split(", ") if subject.inputs else [],
        "training": module.training,
        "signature": subject.signature,
        "nodeids": [nodeid],
        "demands": [],
        "definitions": {},
    }

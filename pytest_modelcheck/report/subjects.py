"""The subjects of a record as the page shows them: each with its checks, its failures and what changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..records.causes import Cause, overshoot
from ..records.outcome import BAD, shown_outcome
from ..records.section import Catalogue
from ..records.types import (
    Changes,
    CheckEntry,
    FailureEntry,
    PanelEntry,
    Record,
    SubjectChanges,
    SubjectEntry,
)
from .addresses import LOOSE, subject_slugs
from .text import SYMBOLS

SEVERITY = tuple(SYMBOLS)


@dataclass(frozen=True)
class PageSubject:
    """A subject as the page shows it; without an `entry`, what has none: tests and files.

    `checks`: its own, the gravest first; `failures`: of its tests, beside these.
    """

    slug: str
    name: str
    entry: SubjectEntry | None
    checks: Sequence[CheckEntry]
    failures: Sequence[FailureEntry]
    panels: Sequence[PanelEntry]
    change: SubjectChanges | None = None
    cause: Cause | None = None

    @property
    def outcome(self) -> str:
        """Its gravest one; empty for none."""
        return "fail" if self.failures else shown_outcome(self.checks[0]) if self.checks else ""

    @property
    def is_worthy(self) -> bool:
        """Whether it failed or changed: what a page that is too large keeps longest."""
        return self.outcome in BAD or self.change is not None


def page_subjects(record: Record, causes: Sequence[Cause], catalogue: Catalogue) -> list[PageSubject]:
    """The gravest first, and among equals what changed; what has no subject stands among them as one."""
    broke = {entry["signature"]: cause for cause in causes for entry in cause.subjects}
    failed = {signature: found for cause in causes for signature, found in _failures(cause).items()}
    changes = _changed(record.get("changes"))
    checks, panels = _by_signature(record, catalogue), _by_name(record["panels"])
    found = []
    for slug, entry in zip(subject_slugs(record), record["subjects"], strict=True):
        cause, name = broke.get(entry["signature"]), entry["name"]
        own = checks.get(entry["signature"], []) if entry["signature"] else []
        failures = failed.get(entry["signature"], [])
        shown = panels.get(name, [])
        found.append(PageSubject(slug, name, entry, own, failures, shown, changes.get(name), cause))
    found += _loose(record, causes, checks.get("", []))
    return sorted(found, key=lambda subject: (_severity(subject.outcome), subject.change is None))


def _loose(record: Record, causes: Sequence[Cause], checks: Sequence[CheckEntry]) -> Iterator[PageSubject]:
    """What has no subject, as one."""
    known = {entry["name"] for entry in record["subjects"]}
    failures = [f for cause in causes if not cause.subjects for f in cause.failures]
    panels = [panel for panel in record["panels"] if panel["subject"] not in known]
    if checks or failures or panels:
        yield PageSubject(LOOSE, "Tests without a subject", None, checks, failures, panels)


def _by_signature(record: Record, catalogue: Catalogue) -> Mapping[str, list[CheckEntry]]:
    """The checks of each subject, the gravest first; under "" those of none."""
    known = {entry["signature"] for entry in record["subjects"]} - {""}
    found: dict[str, list[CheckEntry]] = {}
    for check in record["checks"]:
        found.setdefault(check["signature"] if check["signature"] in known else "", []).append(check)
    return {signature: _ranked(checks, catalogue) for signature, checks in found.items()}


def _ranked(checks: Iterable[CheckEntry], catalogue: Catalogue) -> list[CheckEntry]:
    return sorted(checks, key=lambda check: (_severity(shown_outcome(check)), -overshoot(check, catalogue)))


def _severity(outcome: str) -> int:
    return SEVERITY.index(outcome) if outcome in SEVERITY else len(SEVERITY)


def _failures(cause: Cause) -> Mapping[str, list[FailureEntry]]:
    """A cause's failures by the one of its subjects that they are told with."""
    homes: dict[str, str] = {}
    for entry in cause.subjects:
        for nodeid in entry["nodeids"]:
            homes.setdefault(nodeid, entry["signature"])
    found: dict[str, list[FailureEntry]] = {}
    for failure in cause.failures if cause.subjects else ():
        home = homes.get(failure["nodeid"], cause.subjects[0]["signature"])
        found.setdefault(home, []).append(failure)
    return found


def _by_name(panels: Iterable[PanelEntry]) -> Mapping[str, list[PanelEntry]]:
    found: dict[str, list[PanelEntry]] = {}
    for panel in panels:
        found.setdefault(panel["subject"], []).append(panel)
    return found


def _changed(changes: Changes | None) -> Mapping[str, SubjectChanges]:
    told = changes["subjects"] if changes else []
    return {entry["name"]: entry for entry in told if entry["status"] == "changed"}

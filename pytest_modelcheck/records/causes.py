"""What broke, told by its causes: twenty failures of one broken model are one, and so are those of models that changed
alike. Data alone; the words are the report's.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..alike import alike
from ..verdict.measurement import ROOT
from .gone import is_gone
from .outcome import bad_checks, other_failures
from .plain import number
from .section import Catalogue, Origin, Section
from .types import CheckEntry, FailureEntry, Record, SubjectChanges, SubjectEntry


@dataclass(frozen=True)
class Cause:
    """One thing that broke: the `subjects` it broke, what changed in the first of them (`changes`, None where nothing
    is known to have), the modules behind it (`origins`), the `checks` that failed, the worst first, and the tests that
    failed otherwise. Without subjects: tests and files that have none, and limits that are gone.
    """

    subjects: Sequence[SubjectEntry]
    changes: SubjectChanges | None
    origins: Sequence[Origin]
    checks: Sequence[CheckEntry]
    failures: Sequence[FailureEntry]

    @property
    def nodeids(self) -> list[str]:
        """The tests that failed for it, each once."""
        return list(dict.fromkeys(entry["nodeid"] for entry in (*self.checks, *self.failures)))


def causes(record: Record, catalogue: Catalogue) -> list[Cause]:
    """What made the run red, the gravest first: files that cannot be collected, then subjects by how far their limits
    are missed, then what has no subject.
    """
    broken = _Broken(record, catalogue)
    return [*broken.files(), *broken.subjects(), *broken.rest()]


def origins_of(section: Section, changes: Mapping[str, Any]) -> list[Origin]:
    """What a section knows of where a change comes from; one that raises, a third party's too, knows nothing."""
    try:
        return list(section.changes.origins(changes)) if section.changes is not None else []
    except Exception:
        return []


def overshoot(check: CheckEntry, catalogue: Catalogue) -> float:
    """How far a limit is missed, as a share of it; 0 where there is no such share. A distance has none: how far a
    picture or a text is another one says nothing beside how much dearer a model is.
    """
    known = catalogue.metrics.get(check["metric"])
    if known is not None and known.nature == "distance":
        return 0.0
    if known is not None and known.nature == "comparison":
        value, limit = number(check["value"]), number(check.get("max_regression"))
        return (1 + value) / (1 + limit) - 1 if value is not None and limit is not None else 0.0
    limit, value = number(check.get("limit")), number(check["value"])
    if limit == 0 and value is not None and check["outcome"] == "fail":
        return math.inf  # nothing is allowed
    return -(check["headroom"] or 0.0)


class _Broken:
    """What failed in a run, by subject: each under its signature, what has none under an empty one."""

    def __init__(self, record: Record, catalogue: Catalogue) -> None:
        self.record, self.catalogue = record, catalogue
        told = record.get("changes")
        self.changes = {s["name"]: s for s in (told["subjects"] if told else ()) if s["status"] == "changed"}
        known = {entry["signature"] for entry in record["subjects"]} - {""}
        self.crashes = {f["nodeid"]: _place(f) for f in record.get("failures", []) if f["phase"] in _BEFORE}
        self.checks: dict[str, list[CheckEntry]] = {}
        for check in bad_checks(record):
            home = "" if is_gone(check) or check["signature"] not in known else check["signature"]
            self.checks.setdefault(home, []).append(check)
        self.failures: dict[str, list[FailureEntry]] = {}
        homes = _Homes(record["subjects"], self.changes, self.checks)
        for failure in [*other_failures(record), *_lost(record)]:
            self.failures.setdefault(homes.of(failure), []).append(failure)

    def files(self) -> Iterable[Cause]:
        """Files that cannot be collected, those with the same reason in one."""
        found = [f for f in self.failures.get("", []) if f["phase"] == "collect"]
        return _joined((failure["message"], Cause((), None, (), (), [failure])) for failure in found)

    def subjects(self) -> list[Cause]:
        """One for each subject; those that changed alike, or failed for the same reason alone, in one."""
        found = [cause for entry in self.record["subjects"] if (cause := self._of(entry)) is not None]
        joined = _joined((self._key(cause), cause) for cause in found)
        ranked = [_with(cause, self._worst_first(cause.checks)) for cause in joined]
        return sorted(ranked, key=self._gravity, reverse=True)

    def rest(self) -> Iterable[Cause]:
        """Checks and tests without a subject, those with the same reason in one."""
        checks, failures = self.checks.get("", []), self.failures.get("", [])
        found = [(self._reason(check), Cause((), None, (), [check], ())) for check in checks]
        found += [(_place(f), Cause((), None, (), (), [f])) for f in failures if f["phase"] != "collect"]
        return _joined(found)

    def _of(self, entry: SubjectEntry) -> Cause | None:
        checks = self._worst_first(self.checks.get(entry["signature"], []))
        failures = self.failures.get(entry["signature"], [])
        if not entry["signature"] or not (checks or failures):
            return None
        changes = self.changes.get(entry["name"])
        origins = list(self._origins(changes)) or self._dearer(checks)
        if all(self._is_figure(check) for check in checks) and not failures:
            origins = [origin for origin in origins if origin.name]  # values alone change no figure
        return Cause([entry], changes, origins, checks, failures)

    def _is_figure(self, check: CheckEntry) -> bool:
        known = self.catalogue.metrics.get(check["metric"])
        return check["outcome"] == "fail" and known is not None and known.nature == "figure"

    def _origins(self, changes: SubjectChanges | None) -> Iterable[Origin]:
        """Of the first section that knows any."""
        if changes is None:
            return ()
        content = cast("Mapping[str, Any]", changes)
        return next(
            (found for s in self.catalogue.sections.values() if (found := origins_of(s, content))), ()
        )

    def _dearer(self, checks: Iterable[CheckEntry]) -> list[Origin]:
        """The modules whose part of a value is another one than at the base, of the worst check that knows."""
        check = next((check for check in checks if check["changes"]), None)
        if check is None:
            return []
        pairs = [(number(part["base"]), number(part["value"])) for part in check["changes"]]
        names = [part["module"] for part in check["changes"]]
        rows = alike((pair, (name,)) for pair, name in zip(pairs, names, strict=True))
        firsts = [(one.names[0], pairs[one.rows[0]], names[one.rows[0]]) for one in rows]
        return [
            Origin(name, self._became(check, *pair), "cost", first if first != ROOT else "")
            for name, pair, first in firsts
        ]

    def _became(self, check: CheckEntry, base: float | None, value: float | None) -> str:
        unit = self.catalogue.unit(check["unit"])
        if not base or not value or unit is None:
            return "" if base and value else "gone" if base else "new"
        return f"{unit.format(base)} -> {unit.format(value)}"

    def _worst_first(self, checks: Iterable[CheckEntry]) -> list[CheckEntry]:
        return sorted(checks, key=lambda c: (-overshoot(c, self.catalogue), c["outcome"] == "error"))

    def _gravity(self, cause: Cause) -> tuple[float, int]:
        worst = max((overshoot(check, self.catalogue) for check in cause.checks), default=0.0)
        return worst, len(cause.nodeids)

    def _key(self, cause: Cause) -> Hashable:
        """Equal for what has one cause: the same modules changed in the same way, or the same reason for all errors."""
        if cause.origins:
            return tuple(cause.origins)
        bare = any(check["outcome"] != "error" for check in cause.checks)
        reasons = {self._reason(check) for check in cause.checks} | {_place(f) for f in cause.failures}
        return cause.subjects[0]["signature"] if bare or len(reasons) > 1 else tuple(reasons)

    def _reason(self, check: CheckEntry) -> Hashable:
        """Why a check has no verdict; that of its test, where this did not come to the check."""
        if check["outcome"] == "error" and check["nodeid"] in self.crashes:
            return self.crashes[check["nodeid"]]
        return check.get("error") or check.get("reason") or check["message"]


class _Homes:
    """The subject that a test's failure is told with."""

    def __init__(
        self,
        subjects: Iterable[SubjectEntry],
        changes: Mapping[str, object],
        checks: Mapping[str, object],
    ) -> None:
        self.own: dict[str, str] = {}
        self.near: dict[str, set[str]] = {}
        self.checks = checks
        for entry in sorted(subjects, key=lambda e: (e["name"] not in changes, e["signature"] not in checks)):
            for nodeid in entry["nodeids"]:
                self.own.setdefault(nodeid, entry["signature"])
                self.near.setdefault(_file(nodeid), set()).add(entry["signature"])

    def of(self, failure: FailureEntry) -> str:
        """Its signature: of the test's own, of one that changed; else the only one of its file, if that broke too."""
        nodeid = failure["nodeid"]
        if failure["phase"] == "collect":
            return ""
        near = self.near.get(_file(nodeid), set())
        only = next(iter(near)) if len(near) == 1 and near <= self.checks.keys() else ""
        return self.own.get(nodeid, only)


_BEFORE = ("setup", "process")  # phases after whose failure nothing of a test was measured


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _place(failure: FailureEntry) -> Hashable:
    """Equal for tests that crashed at one place, with the same words."""
    return failure["where"], failure["message"]


def _lost(record: Record) -> Iterator[FailureEntry]:
    """Tests without a result of which nothing else tells."""
    told = {entry["nodeid"] for entry in (*record.get("failures", []), *bad_checks(record))}
    for nodeid in record["run"]["no_result"]:
        if nodeid not in told:
            died = "no result: its process died"
            yield {"nodeid": nodeid, "phase": "process", "where": "", "message": died, "text": ""}


def _joined(found: Iterable[tuple[Hashable, Cause]]) -> list[Cause]:
    """Causes with the same key as one, each where its first one was."""
    groups: dict[Hashable, list[Cause]] = {}
    for key, cause in found:
        groups.setdefault(key, []).append(cause)
    return [_one(same) for same in groups.values()]


def _one(same: Sequence[Cause]) -> Cause:
    return Cause(
        [entry for cause in same for entry in cause.subjects],
        same[0].changes,
        same[0].origins,
        [check for cause in same for check in cause.checks],
        [failure for cause in same for failure in cause.failures],
    )


def _with(cause: Cause, checks: Sequence[CheckEntry]) -> Cause:
    return Cause(cause.subjects, cause.changes, cause.origins, checks, cause.failures)

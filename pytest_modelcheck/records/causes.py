"""What broke, told by its causes: twenty failures of one broken model are one, and so are those of models that changed
alike. Data alone; the words are the report's.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .outcome import bad_checks, is_of, other_failures
from .section import Catalogue, Origin
from .types import CheckEntry, FailureEntry, Record, SubjectChanges, SubjectEntry


@dataclass(frozen=True)
class Cause:
    """One thing that broke: the `subjects` it broke, what changed in the first of them (`changes`, None where nothing
    is known to have), the modules behind it (`origins`), the `checks` that failed, the worst first, and the tests that
    failed otherwise. Without subjects: tests and files that have none.
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
    """What made the run red, the gravest first: files that cannot be collected, then by how far limits are missed."""
    lone = [failure for failure in other_failures(record) if failure["phase"] == "collect"]
    found = [Cause((), None, (), (), [failure]) for failure in lone]
    broken = _Broken(record, catalogue)
    ranked = sorted(broken.causes(), key=_gravity, reverse=True)
    return [*found, *ranked, *broken.rest()]


def overshoot(check: CheckEntry) -> float:
    """How far a limit is missed, as a share of it; 0 where there is no such share."""
    return -check["headroom"] if check["headroom"] is not None else 0.0


def _worst_first(checks: Iterable[CheckEntry]) -> list[CheckEntry]:
    return sorted(checks, key=lambda check: (-overshoot(check), check["outcome"] == "error"))


def _gravity(cause: Cause) -> tuple[float, int]:
    return (max(map(overshoot, cause.checks), default=0.0), len(cause.nodeids))


class _Broken:
    """What failed in a run, subject by subject."""

    def __init__(self, record: Record, catalogue: Catalogue) -> None:
        self.record, self.catalogue = record, catalogue
        self.checks, self.failures = bad_checks(record), other_failures(record)
        told = record.get("changes")
        self.changes: Mapping[str, SubjectChanges] = {
            entry["name"]: entry
            for entry in (told["subjects"] if told else ())
            if entry["status"] == "changed"
        }

    def causes(self) -> list[Cause]:
        """One for each subject; those that changed alike, or could not be measured for the same reason, in one."""
        found: dict[Hashable, list[Cause]] = {}
        for entry in self.record["subjects"]:
            cause = self._of(entry)
            if cause is not None:
                found.setdefault(_key(cause), []).append(cause)
        return [_joined(same) for same in found.values()]

    def _of(self, entry: SubjectEntry) -> Cause | None:
        checks = _worst_first(check for check in self.checks if is_of(check, entry))
        failures = [f for f in self.failures if self._home(f["nodeid"]) is entry]
        if not (checks or failures):
            return None
        changes = self.changes.get(entry["name"])
        return Cause([entry], changes, list(self._origins(changes)), checks, failures)

    def _home(self, nodeid: str) -> SubjectEntry | None:
        """The subject that a test's failure is told with: of its own, one that changed; else the only subject of its
        file, if that one broke too.
        """
        subjects, file = self.record["subjects"], nodeid.partition("::")[0]
        own = [entry for entry in subjects if nodeid in entry["nodeids"]]
        if own:
            return next((entry for entry in own if entry["name"] in self.changes), own[0])
        near = [e for e in subjects if any(known.partition("::")[0] == file for known in e["nodeids"])]
        broke = len(near) == 1 and any(is_of(check, near[0]) for check in self.checks)
        return near[0] if broke and "::" in nodeid else None

    def _origins(self, changes: SubjectChanges | None) -> Iterable[Origin]:
        """Of the first section that knows any."""
        if changes is None:
            return ()
        content = cast("Mapping[str, Any]", changes)
        compared = [section.changes for section in self.catalogue.sections.values() if section.changes]
        return next((found for one in compared if (found := list(one.origins(content)))), ())

    def rest(self) -> Iterator[Cause]:
        """Checks and tests without a subject, those with the same reason in one."""
        known = {entry["signature"] for entry in self.record["subjects"]}
        found: dict[str, Cause] = {}
        loose = [check for check in self.checks if check["signature"] not in known]
        for check in loose:
            reason = check.get("error") or check["reason"] or check["message"]
            _add(found, reason, Cause((), None, (), [check], ()))
        for failure in self.failures:
            if self._home(failure["nodeid"]) is None and failure["phase"] != "collect":
                _add(found, failure["message"], Cause((), None, (), (), [failure]))
        yield from found.values()


def _add(found: dict[str, Cause], reason: str, cause: Cause) -> None:
    found[reason] = _joined([found[reason], cause]) if reason in found else cause


def _key(cause: Cause) -> Hashable:
    """Equal for what has one cause: the same modules changed in the same way, or the same reason for all errors."""
    if cause.origins:
        return tuple(cause.origins)
    reasons = {check.get("error", "") for check in cause.checks} | {f["message"] for f in cause.failures}
    return tuple(reasons) if len(reasons) == 1 and "" not in reasons else cause.subjects[0]["signature"]


def _joined(same: Sequence[Cause]) -> Cause:
    if len(same) == 1:
        return same[0]
    return Cause(
        [entry for cause in same for entry in cause.subjects],
        same[0].changes,
        same[0].origins,
        _worst_first(check for cause in same for check in cause.checks),
        [failure for cause in same for failure in cause.failures],
    )

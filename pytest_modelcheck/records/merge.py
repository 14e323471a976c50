"""One record from several: the shards of a CI matrix, or several operating systems."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from .match import given_options
from .merge_changes import Told, merged_changes
from .section import Catalogue
from .subjects import SubjectTable
from .types import SCHEMA_VERSION, CheckEntry, FailureEntry, PanelEntry, Record, RunEntry

Entry = TypeVar("Entry", CheckEntry, PanelEntry, FailureEntry)


def merge(records: Mapping[str, Record], catalogue: Catalogue) -> Record:
    """One record of all `records`, by the shard's name.

    Equal subjects become one, and so does what changed in them; a check that two shards report alike is kept once,
    one that they report differently is kept for each, with the shard's name in its test's id. What the environment
    says differently is said per shard.
    """
    subjects = SubjectTable()
    checks: _Collected[CheckEntry] = _Collected(_check_of)
    panels: _Collected[PanelEntry] = _Collected(_panel_of)
    failures: _Collected[FailureEntry] = _Collected(_failure_of)
    for shard, record in records.items():
        for entry in record["subjects"]:
            subjects.add(entry, shard)
        checks.add(record["checks"], shard)
        panels.add(record["panels"], shard)
        failures.add(record.get("failures", []), shard)
    subjects.name(checks.entries, panels.entries)
    changes = [_told(shard, record, subjects) for shard, record in records.items() if "changes" in record]
    merged: Record = {
        "schema_version": SCHEMA_VERSION,
        "created": max((record["created"] for record in records.values()), default=""),
        "environment": _environment(records),
        "run": _run([record["run"] for record in records.values()]),
        "subjects": subjects.entries,
        "checks": checks.entries,
        "panels": panels.entries,
        "failures": failures.entries,
    }
    if changes:
        merged["changes"] = merged_changes(changes, catalogue)
    return merged


def _told(shard: str, record: Record, subjects: SubjectTable) -> Told:
    names = {entry["name"]: subjects.by_signature[entry["signature"]]["name"] for entry in record["subjects"]}
    return shard, names, record["changes"]


class _Collected(Generic[Entry]):
    """Entries of all shards: what another one told alike once, what it told otherwise under a name of its own. `key`:
    equal for entries that are about the same.
    """

    def __init__(self, key: Callable[[Any], Hashable]) -> None:
        self.entries: list[Entry] = []
        self._key = key
        self._have: dict[Hashable, Entry] = {}

    def add(self, entries: Iterable[Entry], shard: str) -> None:
        """Those of one shard, which do not count against each other."""
        new = [copied for entry in entries if (copied := self._apart(entry, shard)) is not None]
        self._have.update((self._key(entry), entry) for entry in new)
        self.entries += new

    def _apart(self, entry: Entry, shard: str) -> Entry | None:
        other, copied = self._have.get(self._key(entry)), cast("Entry", {**entry})
        if other is not None:
            copied["nodeid"] = f"{entry['nodeid']} ({shard})"
        return copied if other is None or _said(other) != _said(entry) else None


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What it says, apart from the subject's name, which each record makes anew."""
    return {key: value for key, value in entry.items() if key != "subject"}


def _check_of(check: CheckEntry) -> Hashable:
    place = (check["place"]["node"], check["place"]["marker"])
    subject = check["signature"] or check["subject"]
    options = given_options(check["options"])
    return (check["nodeid"], place, check["metric"], options, check["source"], subject, check["limit_text"])


def _panel_of(panel: PanelEntry) -> Hashable:
    return (panel["nodeid"], panel["subject"], panel["title"], panel["kind"])


def _failure_of(failure: FailureEntry) -> Hashable:
    return (failure["nodeid"], failure["phase"])


def _environment(records: Mapping[str, Record]) -> dict[str, str]:
    names = dict.fromkeys(name for record in records.values() for name in record["environment"])
    merged = {}
    for name in names:
        said = {shard: record["environment"].get(name, "–") for shard, record in records.items()}
        one = len(set(said.values())) == 1
        merged[name] = next(iter(said.values())) if one else "; ".join(f"{s}: {v}" for s, v in said.items())
    return merged


def _run(runs: Sequence[RunEntry]) -> RunEntry:
    """Sums; of the exit statuses the worst, where 5 (a shard without tests) is none."""
    tests: dict[str, int] = {}
    for run in runs:
        for outcome, n in run["tests"].items():
            tests[outcome] = tests.get(outcome, 0) + n
    statuses = [run["exit_status"] for run in runs]
    return {
        "exit_status": max((s for s in statuses if s != 5), default=max(statuses, default=0)),
        "options": list(dict.fromkeys(option for run in runs for option in run.get("options", []))),
        "interrupted": any(run["interrupted"] for run in runs),
        "seconds": round(sum(run["seconds"] for run in runs), 3),
        "waited": round(sum(run["waited"] for run in runs), 3),
        "tests": tests,
        "no_result": [nodeid for run in runs for nodeid in run["no_result"]],
    }

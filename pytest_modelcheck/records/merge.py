"""One record from several: the shards of a CI matrix, or several operating systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

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
    checks: list[CheckEntry] = []
    panels: list[PanelEntry] = []
    failures: list[FailureEntry] = []
    for shard, record in records.items():
        for entry in record["subjects"]:
            subjects.add(entry, shard)
        checks += _apart(record["checks"], checks, shard, _check_of)
        panels += _apart(record["panels"], panels, shard, _panel_of)
        failures += _apart(record.get("failures", []), failures, shard, _failure_of)
    subjects.name(checks, panels)
    changes = [_told(shard, record, subjects) for shard, record in records.items() if "changes" in record]
    merged: Record = {
        "schema_version": SCHEMA_VERSION,
        "created": max((record["created"] for record in records.values()), default=""),
        "environment": _environment(records),
        "run": _run([record["run"] for record in records.values()]),
        "subjects": subjects.entries,
        "checks": checks,
        "panels": panels,
        "failures": failures,
    }
    if changes:
        merged["changes"] = merged_changes(changes, catalogue)
    return merged


def _told(shard: str, record: Record, subjects: SubjectTable) -> Told:
    names = {entry["name"]: subjects.by_signature[entry["signature"]]["name"] for entry in record["subjects"]}
    return shard, names, record["changes"]


def _apart(
    entries: Iterable[Entry], found: Sequence[Entry], shard: str, key: Callable[[Any], object]
) -> list[Entry]:
    """Copies of the entries that are not in `found` already; those of a test that is, under a name of their own."""
    have = {key(entry): entry for entry in found}
    new: list[Entry] = []
    for entry in entries:
        other = have.get(key(entry))
        copied = cast("Entry", {**entry})
        if other is None:
            new.append(copied)
        elif _said(other) != _said(entry):
            copied["nodeid"] = f"{entry['nodeid']} ({shard})"
            new.append(copied)
    return new


def _said(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What it says, apart from the subject's name, which each record makes anew."""
    return {key: value for key, value in entry.items() if key != "subject"}


def _check_of(check: CheckEntry) -> object:
    place = (check["place"]["node"], check["place"]["marker"])
    subject = check["signature"] or check["subject"]
    options = given_options(check["options"])
    return (check["nodeid"], place, check["metric"], options, check["source"], subject, check["limit_text"])


def _panel_of(panel: PanelEntry) -> object:
    return (panel["nodeid"], panel["subject"], panel["title"], panel["kind"])


def _failure_of(failure: FailureEntry) -> object:
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

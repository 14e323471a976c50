"""One record from several: the shards of a CI matrix, or several operating systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .build import SCHEMA_VERSION, SubjectTable
from .load import number
from .merge_changes import merged_changes

Record = Mapping[str, Any]


def merge(records: Mapping[str, Record]) -> dict[str, Any]:
    """One record of all `records`, by the shard's name.

    Equal subjects become one, and so does what changed in them; a check that two shards report alike is kept once,
    one that they report differently is kept for each, with the shard's name in its test's id. What the environment
    says differently is said per shard.
    """
    subjects = SubjectTable()
    changes: list[tuple[str, Mapping[str, str], Record]] = []
    checks: list[dict[str, Any]] = []
    panels: list[dict[str, Any]] = []
    for shard, record in records.items():
        names = {e["name"]: subjects.add(e["nodeids"], e) for e in record["subjects"]}
        if "changes" in record:
            changes.append((shard, names, record["changes"]))
        for key, found in (("checks", checks), ("panels", panels)):
            entries = [{**e, "subject": names.get(e["subject"], e["subject"])} for e in record[key]]
            found += _apart(entries, found, shard)
    return {
        "schema_version": SCHEMA_VERSION,
        "created": max((record["created"] for record in records.values()), default=""),
        "environment": _environment(records),
        "run": _run([record["run"] for record in records.values()]),
        "subjects": subjects.entries,
        "checks": checks,
        "panels": panels,
        **({"changes": merged_changes(changes)} if changes else {}),
    }


def _apart(entries: Iterable[dict[str, Any]], found: Sequence[Any], shard: str) -> list[dict[str, Any]]:
    """The entries that are not in `found` already; those of a test that is, under a name of their own."""
    have = {_test(entry): entry for entry in found}
    new = []
    for entry in entries:
        other = have.get(_test(entry))
        if other is None:
            new.append(entry)
        elif other != entry:
            new.append({**entry, "nodeid": f"{entry['nodeid']} ({shard})"})
    return new


def _test(entry: Record) -> tuple[Any, ...]:
    return (entry["nodeid"], entry["subject"], entry["title"], entry.get("limit_text"), entry.get("kind"))


def _environment(records: Mapping[str, Record]) -> dict[str, str]:
    names = dict.fromkeys(name for record in records.values() for name in record["environment"])
    merged = {}
    for name in names:
        said = {shard: record["environment"].get(name, "–") for shard, record in records.items()}
        one = len(set(said.values())) == 1
        merged[name] = next(iter(said.values())) if one else "; ".join(f"{s}: {v}" for s, v in said.items())
    return merged


def _run(runs: Sequence[Record]) -> dict[str, Any]:
    """Sums; of the exit statuses the worst, where 5 (a shard without tests) is none."""
    tests: dict[str, int] = {}
    for run in runs:
        for outcome, n in run["tests"].items():
            tests[outcome] = tests.get(outcome, 0) + n
    statuses = [run["exit_status"] for run in runs]
    return {
        "exit_status": max((s for s in statuses if s != 5), default=max(statuses, default=0)),
        "interrupted": any(run["interrupted"] for run in runs),
        "seconds": round(sum(run["seconds"] for run in runs), 3),
        "waited": round(sum(number(run.get("waited")) or 0 for run in runs), 3),
        "tests": tests,
        "no_result": [nodeid for run in runs for nodeid in run["no_result"]],
    }

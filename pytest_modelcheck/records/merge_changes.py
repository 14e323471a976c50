"""The section `changes` of several shards as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]
Entry = dict[str, Any]

Told = tuple[
    str, Mapping[str, str], Record
]  # the shard, its subjects' names in the merged record, its changes


def merged_changes(told: Sequence[Told]) -> Entry:
    """All subjects with all that any shard saw change in them. A base that a shard could not measure becomes a note.

    It is an error as a whole where no shard could.
    """
    failed = [(shard, changes["error"]) for shard, _, changes in told if "error" in changes]
    whole = [changes for _, _, changes in told if "error" not in changes] or [told[0][2]]
    merged = {
        "base": whole[0]["base"],
        "head": whole[0]["head"],
        "environment": _distinct(row for changes in whole for row in changes["environment"]),
        "subjects": _subjects(told),
        "notes": _distinct(note for changes in whole for note in changes.get("notes", [])),
        "gone": _distinct(name for changes in whole for name in changes.get("gone", [])),
    }
    if len(failed) == len(told):
        return {**merged, "error": "\n".join(f"{shard}: {error}" for shard, error in failed)}
    merged["notes"] += [f"{shard}: the base could not be measured: {error}" for shard, error in failed]
    return merged


def _subjects(told: Iterable[Told]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for _, names, changes in told:
        for subject in changes["subjects"]:
            name = names.get(subject["name"], subject["name"])
            known = found.get(name)
            found[name] = _joined(known, subject) if known else {**subject, "name": name}
    return list(found.values())


def _joined(known: Entry, other: Record) -> Entry:
    """Figures that only one shard has count as well, and each shard's times; of other parts the first that there is."""
    have = {(row["metric"], row["title"]) for row in known["metrics"]}
    more = [row for row in other["metrics"] if (row["metric"], row["title"]) not in have]
    status = other["status"] if known["status"] == "unchanged" else known["status"]
    slow = _distinct(row for side in (known, other) for row in side.get("slowdowns", ()))
    times = {"slowdowns": slow} if slow else {}
    return {**other, **known, "status": status, "metrics": [*known["metrics"], *more], **times}


def _distinct(items: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found

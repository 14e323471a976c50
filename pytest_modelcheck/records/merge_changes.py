"""The section `changes` of several shards as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from .distinct import Distinct
from .section import Catalogue
from .types import Changes, SubjectChanges

Told = tuple[
    str, Mapping[str, str], Changes
]  # a shard, its subjects' names in the merged record, its changes
Item = TypeVar("Item")


def merged_changes(told: Sequence[Told], catalogue: Catalogue) -> Changes:
    """All subjects with all that any shard saw change in them. A base that a shard could not measure becomes a note.

    It is an error as a whole where no shard could.
    """
    failed = [(shard, changes["error"]) for shard, _, changes in told if "error" in changes]
    whole = [changes for _, _, changes in told if "error" not in changes] or [told[0][2]]
    notes = _distinct(note for changes in whole for note in changes.get("notes", []))
    merged: Changes = {
        "base": whole[0]["base"],
        "head": whole[0]["head"],
        "environment": _distinct(row for changes in whole for row in changes["environment"]),
        "subjects": _subjects(told, catalogue),
        "notes": notes,
        "gone": _distinct(name for changes in whole for name in changes.get("gone", [])),
    }
    if len(failed) == len(told):
        merged["error"] = "\n".join(f"{shard}: {error}" for shard, error in failed)
    else:
        notes += [f"{shard}: the base could not be measured: {error}" for shard, error in failed]
    return merged


def _subjects(told: Iterable[Told], catalogue: Catalogue) -> list[SubjectChanges]:
    found: dict[str, SubjectChanges] = {}
    for _, names, changes in told:
        for subject in changes["subjects"]:
            name = names.get(subject["name"], subject["name"])
            known = found.get(name)
            one = cast("SubjectChanges", {**subject, "name": name})
            found[name] = _joined(known, one, catalogue) if known else one
    return list(found.values())


def _joined(known: SubjectChanges, other: SubjectChanges, catalogue: Catalogue) -> SubjectChanges:
    """Figures that only one shard has count as well; parts that both have are joined as their section says.

    What one shard alone no longer has lives on.
    """
    if "removed" in (known["status"], other["status"]):
        return other if known["status"] == "removed" else known
    have = {(row["metric"], row["title"]) for row in known["metrics"]}
    more = [row for row in other["metrics"] if (row["metric"], row["title"]) not in have]
    status = other["status"] if known["status"] == "unchanged" else known["status"]
    sides: list[Mapping[str, Any]] = [cast("Mapping[str, Any]", side) for side in (known, other)]
    parts = {
        key: section.changes.joined(key, values)
        for section in catalogue.sections.values()
        if section.changes is not None
        for key in section.changes.keys
        if (values := [side[key] for side in sides if key in side])
    }
    joined = {**other, **known, "status": status, "metrics": [*known["metrics"], *more], **parts}
    return cast("SubjectChanges", joined)


def _distinct(items: Iterable[Item]) -> list[Item]:
    return Distinct().new(items)

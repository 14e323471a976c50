"""ONNX files of the same subject at the base and now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = Mapping[str, Any]
Entry = dict[str, Any]

FACTS = ("opset", "size_bytes", "reason")


def onnx_changes(old: Record, new: Record) -> list[Entry]:
    """What differs in each export that both sides have: nodes by type, opset, size, why it cannot be exported."""
    left, right = _by_place(old), _by_place(new)
    rows = [_row(left[key], right[key]) for key in right if key in left]
    return [row for row in rows if row["operators"] or any(fact in row for fact in FACTS)]


def _by_place(subject: Record) -> dict[tuple[Any, ...], Record]:
    """The exports by their options: the opset of one that failed is not known, so it does not count."""
    found: dict[tuple[Any, ...], Record] = {}
    entries = subject.get("onnx", [])
    for entry in entries if isinstance(entries, list) else ():
        dynamic = entry.get("dynamic")
        found[dynamic, sum(key[0] == dynamic for key in found)] = entry
    return found


def _row(old: Record, new: Record) -> Entry:
    facts = {fact: [old.get(fact), new.get(fact)] for fact in FACTS if old.get(fact) != new.get(fact)}
    return {"name": new["name"], "operators": count_changes(old["operators"], new["operators"]), **facts}


def count_changes(old: Mapping[str, int], new: Mapping[str, int]) -> list[Entry]:
    """Operators that occur more or less often than at the base."""
    names = sorted({*old, *new})
    rows = [{"operator": name, "base": old.get(name, 0), "head": new.get(name, 0)} for name in names]
    return [row for row in rows if row["base"] != row["head"]]

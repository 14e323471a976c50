"""What modules cost on their own, at the base and now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...records.load import number

Record = Mapping[str, Any]
Entry = dict[str, Any]

COSTS = ("macs", "params")  # a module's own, without its children's


def module_changes(old: Record, new: Record, paths: Mapping[str, str]) -> list[Entry]:
    """Modules whose own MACs or own parameters changed, in the order of the head; removed ones last.

    `paths`: old name -> new name of modules that are the same one; without any, the same name is the same module.
    """
    left, right = _costs(old), _costs(new)
    known = {paths[name]: name for name in left if name in paths} if paths else {n: n for n in left}
    rows = []
    for name, cost in right.items():
        before = left[known[name]] if name in known else None
        if before is None or any(before[key] != cost[key] for key in COSTS):
            rows.append(_row(name, "new" if before is None else "changed", before, cost))
    kept = {known[name] for name in right if name in known}
    rows += [_row(name, "removed", cost, None) for name, cost in left.items() if name not in kept]
    return [row for row in rows if any(row[key] != [0, 0] for key in COSTS)]


def _row(name: str, status: str, base: Entry | None, head: Entry | None) -> Entry:
    nothing = dict.fromkeys(COSTS, 0)
    kind = (head or base or {})["type"]
    costs = {key: [(base or nothing)[key], (head or nothing)[key]] for key in COSTS}
    return {"module": name, "type": kind, "status": status, **costs}


def _costs(subject: Record) -> dict[str, Entry]:
    """Own MACs and own parameters of each module, from the sections `complexity` and `structure`."""
    own = {
        m["name"]: number(m.get("own_params")) or 0 for m in subject.get("structure", {}).get("modules", [])
    }
    return {
        m["name"]: {
            "type": m["type"],
            "macs": number(m.get("own_macs")) or 0,
            "params": own.get(m["name"], 0),
        }
        for m in subject.get("complexity", {}).get("modules", [])
    }

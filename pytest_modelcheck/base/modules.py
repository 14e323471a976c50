"""Two module trees side by side: which modules came, went, were renamed, became another or cost something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .load import number

Record = Mapping[str, Any]
Entry = dict[str, Any]

COSTS = ("macs", "params")  # a module's own, without its children's


def module_changes(old: Record, new: Record) -> list[Entry]:
    """Modules whose own MACs or own parameters changed, in the order of the head; removed ones last."""
    left, right = _costs(old), _costs(new)
    renamed = renames(old, new)
    rows = []
    for name, cost in right.items():
        before = left.get(renamed.get(name, name))
        if before is None or any(before[key] != cost[key] for key in COSTS):
            rows.append(_row(name, "new" if before is None else "changed", before, cost))
    gone = [name for name in left if name not in right and name not in renamed.values()]
    return [
        row for row in [*rows, *(_row(name, "removed", left[name], None) for name in gone)] if _counts(row)
    ]


def _row(name: str, status: str, base: Entry | None, head: Entry | None) -> Entry:
    nothing = dict.fromkeys(COSTS, 0)
    kind = (head or base or {})["type"]
    costs = {key: [(base or nothing)[key], (head or nothing)[key]] for key in COSTS}
    return {"module": name, "type": kind, "status": status, **costs}


def _counts(row: Entry) -> bool:
    return any(row[key] != [0, 0] for key in COSTS)


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


def structure_changes(old: Record, new: Record) -> list[Entry]:
    """Modules added, removed, renamed (`from` is the old name), of another type or with other attributes.

    Of an added, removed or renamed module its children are not listed: they came and went with it.
    """
    left, right = _modules(old), _modules(new)
    renamed = renames(old, new)
    added = [name for name in right if name not in left and name not in renamed]
    removed = [name for name in left if name not in right and name not in renamed.values()]
    rows = [
        {"module": name, "change": "renamed", "from": renamed[name], "to": name}
        for name in _outermost(renamed)
    ]
    rows += [
        {"module": name, "change": what, "from": before[what], "to": after[what]}
        for name, after in right.items()
        if (before := left.get(renamed.get(name, name))) is not None
        for what in ("type", "attributes")
        if before[what] != after[what]
    ]
    rows += [{"module": n, "change": "added", "from": "", "to": _shown(right[n])} for n in _outermost(added)]
    rows += [
        {"module": n, "change": "removed", "from": _shown(left[n]), "to": ""} for n in _outermost(removed)
    ]
    order = {name: position for position, name in enumerate(dict.fromkeys([*right, *left]))}
    return sorted(rows, key=lambda row: order[row["module"]])


def renames(old: Record, new: Record) -> dict[str, str]:
    """New name -> old name of modules that only their name tells apart: equal trees below one parent, in order."""
    left, right = _modules(old), _modules(new)
    gone = _outermost(n for n in left if n not in right)
    came = _outermost(n for n in right if n not in left)
    found: dict[str, str] = {}
    for name in came:
        twins = (g for g in gone if _parent(g) == _parent(name) and _tree(left, g) == _tree(right, name))
        twin = next(twins, None)
        if twin is not None:
            gone.remove(twin)
            found |= {n: twin + n[len(name) :] for n in right if _within(n, name)}
    return found


def _modules(subject: Record) -> dict[str, Entry]:
    return {
        m["name"]: {"type": m["type"], "attributes": m.get("attributes", ""), "params": m.get("params", 0)}
        for m in subject.get("structure", {}).get("modules", [])
    }


def _tree(modules: Mapping[str, Entry], root: str) -> list[tuple[str, Any]]:
    return [(name[len(root) :], facts) for name, facts in modules.items() if _within(name, root)]


def _within(name: str, root: str) -> bool:
    return name == root or name.startswith(f"{root}.")


def _outermost(names: Iterable[str]) -> list[str]:
    listed = list(names)
    known = set(listed)
    return [name for name in listed if not name or _parent(name) not in known]


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _shown(module: Entry) -> str:
    return f"{module['type']}({module['attributes']})"

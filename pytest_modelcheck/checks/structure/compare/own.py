"""What differs between two modules that are the same one: settings, parameters and buffers."""

from __future__ import annotations

from collections.abc import Mapping

from ..node import ModuleNode
from ..rows import Kind
from .change import Change


def changed_tensors(path: str, base: ModuleNode, head: ModuleNode) -> list[Change]:
    """A module's own parameters and buffers: their shapes, and which of the two they are."""
    known = base.buffers is not None and head.buffers is not None
    shapes: list[dict[str, object]] = [
        {name: list(shape) for name, shape in side.shapes} for side in (base, head)
    ]
    kinds = [{name: _kind(side, name, known) for name in shapes[i]} for i, side in enumerate((base, head))]
    both = [name for name in shapes[0] if name in shapes[1] and kinds[0][name] != kinds[1][name]]
    found = []
    for kind in ("parameter", "buffer"):
        sides = [
            {n: s for n, s in shapes[i].items() if kinds[i][n] == kind and n not in both} for i in (0, 1)
        ]
        found += changed_values(path, f"{kind} ", *sides)
    for name in both:
        sides_told = [f"{kinds[i][name]} {_shown(shapes[i][name])}" for i in (0, 1)]
        found.append(Change("changed", path, name, *sides_told))
    return found


def _kind(node: ModuleNode, name: str, known: bool) -> str:
    return "buffer" if known and name in (node.buffers or ()) else "parameter"


def changed_values(
    path: str, word: str, base: Mapping[str, object], head: Mapping[str, object]
) -> list[Change]:
    """Values that came, went or are others; `word` stands before each name."""
    found = []
    for name in dict.fromkeys([*base, *head]):
        before, after = base.get(name), head.get(name)
        if before == after and (name in base) == (name in head):
            continue
        kind: Kind = "added" if name not in base else "removed" if name not in head else "changed"
        found.append(Change(kind, path, word + name, _shown(before), _shown(after)))
    return found


def is_size(change: Change) -> bool:
    """Whether it is a setting that was a whole number, or several, and is another."""
    sides = (change.before or "", change.after or "")
    return change.kind == "changed" and all(side.replace("×", "").isdecimal() for side in sides)


def _shown(value: object) -> str | None:
    if isinstance(value, list):
        return "×".join(map(str, value)) or "scalar" if all(isinstance(v, int) for v in value) else str(value)
    return None if value is None else str(value)

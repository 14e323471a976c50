"""Two structures as records hold them, side by side: what changed in words, in numbers and as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ...drawing.panel import Panel
from ...errors import ModelCheckError
from ...records.section import Cell, Comparison, Line, Paths, Sections, Table, content_of
from ...text import count
from ...verdict.measurement import ROOT
from . import diff
from .merge import merged
from .read import read_structure
from .rows import ChangeRow, GraphChange, Status, StructureEntry

STATES: tuple[Status, ...] = ("added", "removed", "changed")


class StructurePair:
    """The contents of one subject's two sections; `comparison` is None where one of them holds no structure.

    Raises ModelCheckError for one that is damaged.
    """

    def __init__(self, old: StructureEntry, new: StructureEntry) -> None:
        sides = [read_structure(name, side) for name, side in (("the base", old), ("the head", new))]
        self.comparison: diff.Comparison | None = None
        if sides[0] is not None and sides[1] is not None:
            try:
                self.comparison = diff.Comparison(sides[0], sides[1])
                self.picture = merged(self.comparison)
            except RecursionError as error:
                raise ModelCheckError("modules are nested too deep to be compared") from error

    @property
    def paths(self) -> Paths:
        """Old name -> new name of the modules that are the same one."""
        return self.comparison.paths if self.comparison is not None else {}

    @cached_property
    def rows(self) -> list[ChangeRow]:
        """Modules, settings and operators that were added, removed, changed or moved."""
        return list(self.picture["changes"]) if self.comparison is not None else []

    @cached_property
    def graph(self) -> Mapping[str, int]:
        """The operators in numbers; empty if none differs."""
        picture = self.picture["graph"] if self.comparison is not None else None
        if picture is None:
            return {}
        states = Counter(node["status"] for node in picture["nodes"])
        if not any(states[state] for state in STATES):
            return {}
        total = len(picture["nodes"])
        sides = {"base": total - states["added"], "head": total - states["removed"]}
        return {**sides, **{state: states[state] for state in STATES}}


_last: tuple[object, object, StructurePair] | None = None


def pair_of(old: Sections, new: Sections) -> StructurePair:
    """The two structures compared; asked for several times in a row, and made once."""
    global _last
    left, right = content_of(old, "structure"), content_of(new, "structure")
    if _last is None or _last[0] is not left or _last[1] is not right:
        _last = (left, right, StructurePair(left, right))
    return _last[2]


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[object]) -> Mapping[str, object]:
    pair = pair_of(old, new)
    return {"structure": pair.rows, "graph": pair.graph}


def _beside(old: Sections, new: Sections) -> Mapping[str, object]:
    pair = pair_of(old, new)
    return {"diff": pair.picture} if pair.rows or pair.graph else {}


def graph_words(graph: Mapping[str, int]) -> str:
    """`adds 2 nodes to the graph, changes 1`; empty for an empty mapping."""
    verbs = (("added", "adds", " to the graph"), ("removed", "removes", " from the graph"))
    told = [f"{verb} {count(graph[key], 'node')}{where}" for key, verb, where in verbs if graph.get(key)]
    if graph.get("changed"):
        changed = count(graph["changed"], "node")
        told.append(f"changes {changed}" if told else f"changes {changed} of the graph")
    return ", ".join(told)


def by_module(changes: Iterable[ChangeRow]) -> list[tuple[str, list[ChangeRow]]]:
    """Changes by module; shapes of parameters are left out where the module's settings tell of them."""
    found: dict[str, list[ChangeRow]] = {}
    for row in changes:
        found.setdefault(row["path"], []).append(row)
    return [(path, [row for row in rows if not _follows(row, rows)]) for path, rows in found.items()]


def _follows(row: ChangeRow, rows: Iterable[ChangeRow]) -> bool:
    """Whether it is a shape that changed along with a setting."""
    return row["what"].startswith("parameter ") and any(
        other["kind"] == "changed" and not other["what"].startswith("parameter ") for other in rows
    )


def change_words(row: ChangeRow) -> str:
    """`stride 2 -> 1`, `module added: Conv2d(3, 8)`, `call removed`."""
    sides = " -> ".join(str(side) for side in (row["before"], row["after"]) if side is not None)
    if row["kind"] == "changed" and sides:
        return f"{row['what']} {sides}"
    return f"{row['what']} {row['kind']}{f': {sides}' if sides else ''}"


def _headline(changes: Mapping[str, Any]) -> Line | None:
    words = graph_words(changes.get("graph", {}))
    return Line(words, short=words, link="structure", is_headline=True) if words else None


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    modules = by_module(changes.get("structure", []))
    for path, rows in modules[:most]:
        yield Line(", ".join(map(change_words, rows)), name=path or ROOT)
    if len(modules) > most:
        yield Line(f"and changes in {len(modules) - most:,} more modules")


def _tables(changes: Mapping[str, Any]) -> Iterator[Table]:
    rows = [_cells(row) for row in changes.get("structure", [])]
    if rows:
        title = ("change of structure", "changes of structure")
        yield Table(title, ("", "module", "what", "base", "now"), "lllll", rows)


def _cells(row: ChangeRow) -> list[Cell]:
    sides = [
        Cell(str(side), True) if side is not None else Cell("") for side in (row["before"], row["after"])
    ]
    return [Cell(row["kind"]), Cell(row["path"] or ROOT, True), Cell(row["what"]), *sides]


def aligned(old: Sections, new: Sections) -> Paths:
    """Which modules are the same one."""
    return pair_of(old, new).paths


COMPARISON = Comparison(
    ("structure", "graph"),
    _compare,
    lines=_lines,
    headline=_headline,
    tables=_tables,
    panel=Panel(__package__, "changes.html.j2", functions=lambda: {"by_module": by_module}),
    beside=_beside,
    types={"structure": list[ChangeRow], "graph": GraphChange},
)

"""Two structures as records hold them, side by side: what changed in words, in numbers and as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from ...drawing.panel import Panel
from ...errors import ModelCheckError
from ...records.prices import Prices, price_words, total
from ...records.section import Cell, Comparison, Line, Origin, Paths, Sections, Table, content_of
from ...text import count
from ...verdict.measurement import ROOT
from .checkpoint import checkpoint, checkpoint_words
from .compare import diff
from .compare.merge import merged
from .read import read_structure
from .rows import ChangeRow, CheckpointChange, GraphChange, Status, StructureEntry
from .told import Told, graph_words, priced, told

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
        graphs = self.comparison.graphs if self.comparison is not None else None
        if picture is None or graphs is None:
            return {}
        states = Counter(node["status"] for node in picture["nodes"])
        numbers = len(picture["nodes"])
        found = {"base": numbers - states["added"], "head": numbers - states["removed"]}
        found |= {str(state): states[state] for state in STATES}
        if any(states[state] for state in STATES):
            return found
        paths = graphs.differing_paths
        return {**found, "paths": paths, "same": graphs.is_same} if paths else {}

    @cached_property
    def checkpoint(self) -> CheckpointChange | None:
        """Whether a checkpoint of the base loads; None where nothing of the structure changed, or nobody knows."""
        compared = self.comparison
        if compared is None or compared.base.state is None or compared.head.state is None:
            return None
        base, head = compared.base.state, compared.head.state
        if not self.rows and not self.graph and base.shapes == head.shapes:
            return None
        names = [{module.name for module in side.modules} for side in (compared.base, compared.head)]
        shared = {key.rpartition(".")[0] for key in head.shapes} - names[1]  # second names, which no tree has
        gone = names[0] - compared.paths.keys() - shared
        return checkpoint(base, head, compared.paths, gone, compared.names)


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
    return {"structure": pair.rows, "graph": pair.graph, "checkpoint": pair.checkpoint}


def _beside(old: Sections, new: Sections, changes: Mapping[str, Any]) -> Mapping[str, object]:
    pair = pair_of(old, new)
    rows = changes.get("structure", pair.rows)  # in the order of what they cost
    return {"diff": {**pair.picture, "changes": rows}} if pair.rows or pair.graph else {}


def _priced(changes: Mapping[str, Any], prices: Prices) -> Mapping[str, object]:
    rows = changes.get("structure")
    return {"structure": priced(rows, prices)} if rows else {}


def _headline(changes: Mapping[str, Any]) -> Line | None:
    words = graph_words(changes.get("graph", {}))
    return Line(words, short=words, link="structure", is_headline=True) if words else None


def _origins(changes: Mapping[str, Any]) -> Iterator[Origin]:
    for one in told(changes.get("structure", [])):
        first = one.rows[0]["path"]
        yield Origin(one.name or ROOT, one.became, "graph", "" if "{" in first else first)


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    found = changes.get("checkpoint")
    if found:
        words, why = checkpoint_words(found)
        bad = not found["loads"] or bool(found["renamed"])
        yield Line(words, detail=why, worse=bad, short=words)
    modules = told(changes.get("structure", []))
    for one in modules[:most]:
        yield Line(one.words, name=one.name or ROOT, cost=one.cost)
    rest = modules[most:]
    if rest:
        many = sum(one.size for one in rest)
        price = price_words(total(one.price for one in rest))
        yield Line(f"and changes in {count(many, 'more module')}", cost=price)


def _tables(changes: Mapping[str, Any]) -> Iterator[Table]:
    found = told(changes.get("structure", []))
    rows = [_cells(row, one) for one in found for row in one.rows]
    if rows:
        title = ("change of structure", "changes of structure")
        size = sum(one.size * len(one.rows) for one in found)
        yield Table(title, ("", "module", "what", "base", "now"), "lllll", rows, size=size)


def _cells(row: ChangeRow, one: Told) -> list[Cell]:
    sides = [
        Cell(str(side), True) if side is not None else Cell("") for side in (row["before"], row["after"])
    ]
    return [Cell(row["kind"]), Cell(one.name or ROOT, True), Cell(row["what"]), *sides]


def aligned(old: Sections, new: Sections) -> Paths:
    """Which modules are the same one."""
    return pair_of(old, new).paths


COMPARISON = Comparison(
    ("structure", "graph", "checkpoint"),
    _compare,
    priced=_priced,
    lines=_lines,
    headline=_headline,
    origins=_origins,
    tables=_tables,
    panel=Panel(
        __package__, "changes.html.j2", functions=lambda: {"told": told, "checkpoint_words": checkpoint_words}
    ),
    beside=_beside,
    types={"structure": list[ChangeRow], "graph": GraphChange, "checkpoint": CheckpointChange},
)

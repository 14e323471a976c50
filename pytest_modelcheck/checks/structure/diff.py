"""What changed between two structures: modules first, then the operators and the data flow of those that stayed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

from .align import Branch, align, branches
from .change import Change
from .dataflow import GraphPairs
from .graph import Graph
from .node import ModuleNode
from .rows import Kind


class Side(Protocol):
    """What is compared of a structure."""

    @property
    def modules(self) -> tuple[ModuleNode, ...]:
        """In the order of `named_modules()`."""

    @property
    def graph(self) -> Graph | None:
        """None where the model was not run."""

    @property
    def fingerprint(self) -> str:
        """Of both."""


def compare(base: Side, head: Side) -> list[Change]:
    """All changes, in the order of the head's modules."""
    return Comparison(base, head).changes


class Comparison:
    """Two structures laid side by side: which modules and operators are the same ones, and what differs."""

    def __init__(self, base: Side, head: Side) -> None:
        self.base, self.head = base, head
        self.paths: dict[str, str] = {}  # base -> head
        self.reclassed: set[str] = set()  # paths in the head whose class is another
        self.removed: list[Branch] = []
        self.added: list[Branch] = []
        self.modules: list[Change] = []
        self._match(branches(base.modules), branches(head.modules))
        self._find_moves()

    @cached_property
    def changes(self) -> list[Change]:
        """The modules' changes, then the operators' that these do not explain."""
        found = [*self.modules, *(self.graphs.told if self.graphs is not None else ())]
        if (
            not found
            and self.base.fingerprint != self.head.fingerprint
            and self.base.graph
            and self.head.graph
        ):
            marks = (self.base.fingerprint[:12], self.head.fingerprint[:12])
            found = [Change("changed", "", "data flow (fingerprint)", *marks)]
        return list(dict.fromkeys(found))

    @cached_property
    def graphs(self) -> GraphPairs | None:
        """Their operators side by side; None where one of the two has no graph."""
        if self.base.graph is None or self.head.graph is None:
            return None
        return GraphPairs(self, self.base.graph, self.head.graph)

    def _match(self, base: Branch, head: Branch) -> None:
        """Two branches that are the same module: what differs in it, then its children."""
        self.paths[base.path] = head.path
        self._compare_own(base, head)
        if head.path in self.reclassed and not (base.children and head.children):
            return
        pairs, removed, added = align(base.children, head.children)
        self.removed += removed
        self.added += added
        swapped = _exchanged(pairs)
        for left, right in pairs:
            twin = swapped.get(left.path)
            if twin is not None:
                self._pair_all(left, twin)
                self.modules.append(
                    Change("moved", twin.path, f"module {left.node.type}", left.path, twin.path)
                )
            else:
                self._match(left, right)
        self.modules += _reordered(head.path, base.children, head.children)

    def _compare_own(self, base: Branch, head: Branch) -> None:
        path = head.path
        if base.node.type != head.node.type:
            self.reclassed.add(path)
            self.modules.append(Change("changed", path, "class", base.title, head.title))
            if not (base.children and head.children):
                return
        else:
            self.modules += _changed_values(path, "", base.node.settings, head.node.settings)
        shapes = [{name: list(shape) for name, shape in side.node.shapes} for side in (base, head)]
        self.modules += _changed_values(path, "parameter ", *shapes)

    def _find_moves(self) -> None:
        """What was taken away here and put back there, unchanged, was moved."""
        for gone in list(self.removed):
            twin = next((new for new in self.added if new.signature == gone.signature), None)
            if twin is not None:
                self.removed.remove(gone)
                self.added.remove(twin)
                self._pair_all(gone, twin)
                change = Change("moved", twin.path, f"module {gone.node.type}", gone.path, twin.path)
                self.modules.append(change)
        self.modules += [Change("removed", b.path, "module", before=b.title) for b in self.removed]
        self.modules += [Change("added", b.path, "module", after=b.title) for b in self.added]

    def _pair_all(self, base: Branch, head: Branch) -> None:
        self.paths[base.path] = head.path
        for left, right in zip(base.children, head.children, strict=True):
            self._pair_all(left, right)


def _changed_values(
    path: str, word: str, base: Mapping[str, object], head: Mapping[str, object]
) -> list[Change]:
    found = []
    for name in dict.fromkeys([*base, *head]):
        before, after = base.get(name), head.get(name)
        if before == after and (name in base) == (name in head):
            continue
        kind: Kind = "added" if name not in base else "removed" if name not in head else "changed"
        found.append(Change(kind, path, word + name, _shown(before), _shown(after)))
    return found


def _shown(value: object) -> str | None:
    if isinstance(value, list):
        return "×".join(map(str, value)) or "scalar" if all(isinstance(v, int) for v in value) else str(value)
    return None if value is None else str(value)


def _exchanged(pairs: list[tuple[Branch, Branch]]) -> dict[str, Branch]:
    """Siblings that stand in each other's place: base path -> the one in the head."""
    differing = [(left, right) for left, right in pairs if left.signature != right.signature]
    places: dict[str, Branch] = {}
    for left, right in differing:
        for other, there in differing:
            if left is not other and left.signature == there.signature and other.signature == right.signature:
                places[left.path] = there
    return places


def _reordered(path: str, base: list[Branch], head: list[Branch]) -> list[Change]:
    """Children of the same names in another order of definition."""
    names = [c.label for c in head if not c.label.isdigit()]
    before = [c.label for c in base if c.label in names]
    after = [name for name in names if name in before]
    if before == after:
        return []
    return [Change("moved", path, "order of children", ", ".join(before), ", ".join(after))]

"""What changed between two structures: modules first, then the operators and the data flow of those that stayed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple, Protocol

from ....text import count
from ..checkpoint import State, renamed, tie_changes
from ..graph import Graph
from ..node import ModuleNode
from .align import Branch, align, branches
from .change import OPERATOR, TENSORS, Change
from .contents import of_held, of_weights, other_values
from .dataflow import GraphPairs
from .flow import Flow
from .fold import folded, same_operators
from .own import changed_tensors, changed_values, is_size
from .twins import family, twins


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

    @property
    def state(self) -> State | None:
        """What its checkpoints hold; None where nobody knows."""

    @property
    def weights(self) -> Mapping[str, str] | None:
        """Digests of its parameters and buffers; None where nobody asked for them."""


def compare(base: Side, head: Side) -> list[Change]:
    """All changes, in the order of the head's modules; those of layers that changed alike are one."""
    found = Comparison(base, head).changes
    if not found and (base.graph is None) != (head.graph is None):
        words = ["not run" if side.graph is None else "run" for side in (base, head)]
        found = [Change("changed", "", "graph", *words)]
    return folded(found)


class Comparison:
    """Two structures laid side by side: which modules and operators are the same ones, and what differs."""

    def __init__(self, base: Side, head: Side) -> None:
        self.base, self.head = base, head
        self.paths: dict[str, str] = {}  # base -> head
        self.reclassed: set[str] = set()  # paths in the head whose class is another
        self.removed: list[Branch] = []
        self.added: list[Branch] = []
        self.modules: list[Change] = []
        self.wrappers: set[Change] = set()  # modules that came or went, and hold no tensors of their own
        if self.is_equal:
            self.paths = {module.name: module.name for module in head.modules}
            return
        self._match(branches(base.modules), branches(head.modules))
        self._find_moves()

    @cached_property
    def changes(self) -> list[Change]:
        """The modules' changes, then the operators' that these do not explain."""
        if self.is_equal:
            return []
        modules = self._with_names(self.modules)
        found = [*modules, *self.ties, *(self.graphs.told if self.graphs is not None else ())]
        if self.graphs is not None and self.graphs.is_same:
            found = self._as_one(found, self.graphs.new_homes)
        if not found and self.graphs is not None and self.base.fingerprint != self.head.fingerprint:
            found = [Change("changed", "", "data flow")]
        return list(dict.fromkeys([*found, *self.values]))

    def _as_one(self, changes: list[Change], homes: Mapping[tuple[str, str], object]) -> list[Change]:
        """The parts of a refactor as one: around operators that are the same, wrappers came or went."""
        if not homes or self.wrappers.isdisjoint(changes):
            return changes
        own = [change for change in changes if change not in self.wrappers and not self._is_part(change)]
        return [same_operators(homes), *own]

    def _is_part(self, change: Change) -> bool:
        """A move, or another class of container."""
        is_class = change.what == "class" and change.path in self.containers
        return is_class or (change.kind == "moved" and change.what.startswith(("module ", OPERATOR)))

    @cached_property
    def containers(self) -> set[str]:
        """Modules with modules in them, on either side, by their paths in the head."""
        old = (_home(module.name) for module in self.base.modules if module.name)
        new = (_home(module.name) for module in self.head.modules if module.name)
        return {*(self.paths[path] for path in old if path in self.paths), *new}

    @cached_property
    def values(self) -> list[Change]:
        """Tensors that hold other values, as far as both sides know them."""
        held = [side.graph.held if side.graph is not None else None for side in (self.base, self.head)]
        weights = other_values(self.base.weights, self.head.weights, self.paths)
        told = self.reshaped | {*(held[1] or ())}
        own = [name for name in weights if name not in told]
        return [*of_weights(own), *of_held(other_values(held[0], held[1], self.paths))]

    @cached_property
    def is_equal(self) -> bool:
        """Whether all that both sides know of themselves is equal: there is nothing to compare."""
        base, head = self.base, self.head
        known = base.weights is not None and head.weights is not None
        return base.fingerprint == head.fingerprint and (
            (not known or base.weights == head.weights)
            and (base.graph is None or head.graph is None or base.graph.held == head.graph.held)
        )

    @cached_property
    def reshaped(self) -> set[str]:
        """Tensors that have another shape, by their names in the head."""
        shapes = [
            {f"{m.name}.{name}".lstrip("."): shape for m in side.modules for name, shape in m.shapes}
            for side in (self.base, self.head)
        ]
        old = {renamed(name, self.paths): shape for name, shape in shapes[0].items()}
        return {name for name, shape in shapes[1].items() if old.get(name, shape) != shape}

    @cached_property
    def names(self) -> dict[str, str]:
        """Tensors that have another name in their module, by their places in the data flow; both as in the head."""
        found = self.graphs.reads if self.graphs is not None else ()
        return {r.before: r.after for r in found if r.is_new and _home(r.before) == _home(r.after)}

    def _with_names(self, changes: list[Change]) -> list[Change]:
        """One change of a name instead of a tensor that went and another that came."""
        places = {(change.kind, change.path, change.what): change for change in changes}
        told = {change: change for change in changes}
        for before, after in self.names.items():
            path, old, new = _home(before), before.rpartition(".")[2], after.rpartition(".")[2]
            for kind in ("parameter", "buffer"):
                gone = places.get(("removed", path, f"{kind} {old}"))
                come = places.get(("added", path, f"{kind} {new}"))
                if gone in told and come in told:
                    told[gone] = Change("changed", path, f"name of a {kind}", old, new)
                    del told[come]
        return [*told.values()]

    @cached_property
    def ties(self) -> list[Change]:
        """Tensors of the model that are one now and were two, or the other way round."""
        return [*tie_changes(self.base.state, self.head.state, self.paths)]

    @cached_property
    def tied(self) -> frozenset[str]:
        """Tensors, by their names in the head, that share with another one here or at the base."""
        found = [(a, b) for state in (self.head.state,) if state is not None for a, b in state.ties.items()]
        if self.base.state is not None:
            found += [
                (renamed(a, self.paths), renamed(b, self.paths)) for a, b in self.base.state.ties.items()
            ]
        return frozenset(name for pair in found for name in pair)

    @cached_property
    def trees(self) -> tuple[set[str], set[str]]:
        """The names of all modules of both."""
        return {module.name for module in self.base.modules}, {module.name for module in self.head.modules}

    @property
    def states(self) -> tuple[State | None, State | None]:
        """What the checkpoints of both hold."""
        return self.base.state, self.head.state

    @cached_property
    def flow(self) -> Flow | None:
        """Which operators are the same ones by their places in the data flow; None where a side has no graph."""
        if self.base.graph is None or self.head.graph is None:
            return None
        return Flow(self.base.graph, self.head.graph, dict(self.paths))

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
        same_class = base.node.type == head.node.type
        if not same_class:
            self.reclassed.add(path)
            self.modules.append(Change("changed", path, "class", base.title, head.title))
            if not (base.children and head.children):
                return
        settings = changed_values(path, "", base.node.settings, head.node.settings) if same_class else []
        tensors = changed_tensors(path, base.node, head.node)
        if any(map(is_size, settings)):  # of which other shapes follow
            tensors = [
                change
                for change in tensors
                if not change.what.startswith(TENSORS) or change.kind != "changed"
            ]
        self.modules += [*settings, *tensors]

    def _find_moves(self) -> None:
        """What was taken away here and is put there was moved; the rest came and went."""
        flow = self.flow if self.removed and self.added else None
        pairs = twins(self.removed, self.added, flow)
        self.paths |= {left.path: right.path for left, right in pairs}
        for left, right in pairs:
            homes = _home(left.path), _home(right.path)
            if left.label != right.label or self.paths.get(homes[0]) != homes[1]:
                self.modules.append(
                    Change("moved", right.path, f"module {left.node.type}", left.path, right.path)
                )
            if left.signature != right.signature:
                self._compare_own(left, right)
        gone = _left(self.removed, {left.path for left, _ in pairs})
        come = _left(self.added, {right.path for _, right in pairs})
        sides = [(Change("removed", one.path, "module", before=one.title), one) for one in gone]
        sides += [(Change("added", one.path, "module", after=one.title), one) for one in come]
        self.modules += [change for change, _ in sides]
        self.wrappers |= {change for change, one in sides if one.is_wrapper}

    def _pair_all(self, base: Branch, head: Branch) -> None:
        self.paths[base.path] = head.path
        for left, right in zip(base.children, head.children, strict=True):
            self._pair_all(left, right)


def _home(path: str) -> str:
    """The module that something is in."""
    return path.rpartition(".")[0]


class Left(NamedTuple):
    """A module without a twin, in words; `is_wrapper`: nor it nor those in it without a twin hold tensors."""

    path: str
    title: str
    is_wrapper: bool


def _left(branches: list[Branch], known: set[str]) -> Iterator[Left]:
    """The outermost modules that have no twin: with how many of those inside have none either."""
    for branch in branches:
        if branch.path in known:
            yield from _left(branch.children, known)
            continue
        inside = [b for b in family(branch.children) if b.path not in known]
        whole = len(inside) == branch.size
        few = f"{branch.node.type} ({count(len(inside), 'module')})" if inside else branch.node.type
        is_wrapper = not any(b.node.shapes for b in (branch, *inside))
        yield Left(branch.path, branch.title if whole else few, is_wrapper)


def _exchanged(pairs: list[tuple[Branch, Branch]]) -> dict[str, Branch]:
    """Siblings that stand in each other's place: base path -> the one in the head."""
    differing = [(left, right) for left, right in pairs if left.signature != right.signature]
    by_kinds = {(left.signature, right.signature): right for left, right in differing}
    twins = ((left, by_kinds.get((right.signature, left.signature))) for left, right in differing)
    return {left.path: twin for left, twin in twins if twin is not None}


def _reordered(path: str, base: list[Branch], head: list[Branch]) -> list[Change]:
    """Children of the same names in another order of definition."""
    names = dict.fromkeys(c.label for c in head if not c.label.isdigit())
    before = dict.fromkeys(c.label for c in base if c.label in names)
    after = [name for name in names if name in before]
    if [*before] == after:
        return []
    return [Change("moved", path, "order of children", ", ".join(before), ", ".join(after))]

"""What changed in the graph: module call by module call, the operators and inner calls in it, and what feeds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

from .change import Change
from .graph import VIEWS, Graph, Node


class Aligned(Protocol):
    """Which modules of two structures are the same ones, and what differs in them."""

    @property
    def paths(self) -> Mapping[str, str]:
        """Base -> head."""

    @property
    def reclassed(self) -> Set[str]:
        """Paths in the head whose class is another."""

    @property
    def modules(self) -> Sequence[Change]:
        """The modules' changes."""


@dataclass(frozen=True)
class Item:
    """A step of a module's forward: an operator (`node`) or the call of an inner module (`scope`)."""

    label: str
    node: int = -1
    scope: int = -1


def steps(graph: Graph) -> list[list[Item]]:
    """The steps of every scope, in order. A module whose call left nothing behind in the graph is none."""
    found: list[list[Item]] = [[] for _ in graph.scopes]
    entered: set[int] = set()
    for number, node in enumerate(graph.nodes):
        found[node.scope].append(Item(node.operator, node=number))
        scope = node.scope
        while scope > 0 and scope not in entered:
            entered.add(scope)
            parent = graph.scopes[scope].parent
            item = Item(f"call of {graph.scopes[scope].module}", scope=scope)
            place = found[parent]
            place.append(item)
            scope = parent
    return found


class GraphPairs:
    """Which scopes and operators of two graphs are the same ones, and the changes between them."""

    def __init__(self, comparison: Aligned, base: Graph, head: Graph) -> None:
        self.comparison, self.base, self.head = comparison, base, head
        self.base_steps, self.head_steps = steps(base), steps(head)
        self.nodes: dict[int, int] = {}  # base -> head
        self.scopes: dict[int, int] = {}
        self.changes: list[Change] = []
        self.echoes: list[
            Change
        ] = []  # attributes that follow from changed shapes: told where nothing else is
        self.known = {(change.path, change.what) for change in comparison.modules}
        moved = [c.path for c in comparison.modules if c.kind == "moved"]
        self.shuffled = {path.rpartition(".")[0] for path in moved}  # there the order of calls follows
        self._match(0, 0)

    @property
    def told(self) -> list[Change]:
        """The changes of the graph that the modules' do not explain."""
        found = self.changes or ([] if self.comparison.modules else self.echoes)
        for word in ("input", "output"):
            shapes = [_shapes(graph, word) for graph in (self.base, self.head)]
            if shapes[0] != shapes[1]:
                found = [*found, Change("changed", "", f"{word} shape", *shapes)]
        return found

    def _match(self, left: int, right: int) -> None:
        """Lay the steps of two calls of one module side by side."""
        self.scopes[left] = right
        path = self.head.scopes[right].module
        explained = path in self.comparison.reclassed
        old, new = self.base_steps[left], self.head_steps[right]
        matcher = SequenceMatcher(None, [self._label(i) for i in old], [i.label for i in new], autojunk=False)
        gone: list[tuple[int, Item]] = []
        come: list[tuple[int, Item]] = []
        before = len(self.changes)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                for one, other in zip(old[i1:i2], new[j1:j2], strict=True):
                    self._match_items(path, one, other, explained)
                continue
            swaps = [old[i1], new[j1]] if (i2 - i1, j2 - j1) == (1, 1) else []
            if swaps and all(item.node >= 0 for item in swaps):
                if not explained:
                    self.changes.append(Change("changed", path, "operator", swaps[0].label, swaps[1].label))
                continue
            gone += [(i, old[i]) for i in range(i1, i2)]
            come += [(j, new[j]) for j in range(j1, j2)]
        if not explained:
            self._tell(path, old, new, gone, come)
        if not explained and not gone and not come and len(self.changes) == before and len(old) == len(new):
            self.changes += self._rewired(path, old, new)

    def _label(self, item: Item) -> str:
        """A base item under the name that its module has in the head."""
        if item.scope < 0:
            return item.label
        module = self.base.scopes[item.scope].module
        return f"call of {self.comparison.paths.get(module, f'removed {module}')}"

    def _match_items(self, path: str, one: Item, other: Item, explained: bool) -> None:
        if one.scope >= 0:
            self._match(one.scope, other.scope)
            return
        self.nodes[one.node] = other.node
        if not explained:
            self._compare_nodes(path, self.base.nodes[one.node], self.head.nodes[other.node])

    def _compare_nodes(self, path: str, one: Node, other: Node) -> None:
        for name in dict.fromkeys([*one.attributes, *other.attributes]):
            before, after = one.attributes.get(name), other.attributes.get(name)
            if before == after or (path, name) in self.known or one.dynamic or other.dynamic:
                continue
            change = Change("changed", path, f"{other.operator} {name}", str(before), str(after))
            follows = other.operator in VIEWS or not other.inputs
            (self.echoes if follows else self.changes).append(change)

    def _tell(
        self,
        path: str,
        old: list[Item],
        new: list[Item],
        gone: list[tuple[int, Item]],
        come: list[tuple[int, Item]],
    ) -> None:
        rest = list(come)
        for i, item in gone:
            twin = next(((j, other) for j, other in rest if other.label == self._label(item)), None)
            if twin is not None:
                rest.remove(twin)
                if item.scope >= 0:
                    self._match(item.scope, twin[1].scope)
                else:
                    self.nodes[item.node] = twin[1].node
                if path not in self.shuffled:
                    where, what = self._place(path, twin[1])
                    self.changes.append(Change("moved", where, what, _after(old, i), _after(new, twin[0])))
            elif item.scope < 0:
                self.changes.append(Change("removed", path, f"operator {item.label}"))
            elif (module := self.base.scopes[item.scope].module) in self.comparison.paths:
                self.changes.append(Change("removed", self.comparison.paths[module], "call"))
        known = set(self.comparison.paths.values())
        for _, item in rest:
            where, what = self._place(path, item)
            if item.scope < 0 or where in known:
                self.changes.append(Change("added", where, what))

    def _place(self, path: str, item: Item) -> tuple[str, str]:
        if item.scope >= 0:
            return self.head.scopes[item.scope].module, "call"
        return path, f"operator {item.label}"

    def _rewired(self, path: str, old: list[Item], new: list[Item]) -> Iterator[Change]:
        """Steps that are the same, fed by others."""
        feeds = (_Feeds(self.base, self.base_steps), _Feeds(self.head, self.head_steps))
        for one, other in zip(old, new, strict=True):
            before, after = feeds[0].of(one, old), feeds[1].of(other, new)
            if before != after:
                names = [", ".join(_named(i, items) for i in f) for f, items in ((before, old), (after, new))]
                yield Change("changed", path, f"input of {_short(other)}", *names)


class _Feeds:
    """From which steps of its own module a step is fed; -1: from outside."""

    def __init__(self, graph: Graph, found: list[list[Item]]) -> None:
        self.graph = graph

    def of(self, item: Item, siblings: list[Item]) -> list[int]:
        place = {("node", i.node): k for k, i in enumerate(siblings) if i.node >= 0}
        place |= {("scope", i.scope): k for k, i in enumerate(siblings) if i.scope >= 0}
        inside = [item.node] if item.node >= 0 else self._inside(item.scope)
        own = set(inside)
        sources = [s for n in inside for s, _ in self.graph.nodes[n].inputs if s not in own]
        return (
            list(dict.fromkeys(self._lift(s, place) for s in sources))
            if item.scope >= 0
            else [self._lift(s, place) for s in sources]
        )

    def _inside(self, scope: int) -> list[int]:
        return [n for n, node in enumerate(self.graph.nodes) if self._within(node.scope, scope)]

    def _within(self, scope: int, outer: int) -> bool:
        while scope > outer:
            scope = self.graph.scopes[scope].parent
        return scope == outer

    def _lift(self, node: int, place: dict[tuple[str, int], int]) -> int:
        if ("node", node) in place:
            return place["node", node]
        scope = self.graph.nodes[node].scope
        while scope > 0:
            if ("scope", scope) in place:
                return place["scope", scope]
            scope = self.graph.scopes[scope].parent
        return -1


def _short(item: Item) -> str:
    return item.label.removeprefix("call of ")


def _named(index: int, items: list[Item]) -> str:
    return _short(items[index]) if index >= 0 else "the module's input"


def _after(items: list[Item], index: int) -> str:
    return f"after {_short(items[index - 1])}" if index else "first"


def _shapes(graph: Graph, word: str) -> str:
    nodes = [node for node in graph.nodes if node.operator == word and not node.dynamic]
    return ", ".join("×".join(map(str, shape)) or "scalar" for node in nodes for shape in node.shapes)

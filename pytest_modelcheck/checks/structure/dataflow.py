"""What changed in the graph: module call by module call, the operators and inner calls in it, and what feeds them."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from .change import Change
from .flow import Flow, is_same
from .graph import VIEWS, Graph, Node
from .sequences import opcodes
from .wiring import Read, reads, relative, rereads, retyped, rewired

BASE, HEAD = range(2)


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

    @property
    def tied(self) -> frozenset[str]:
        """Tensors that share with another one."""

    @property
    def flow(self) -> Flow | None:
        """Which operators are the same ones by their places in the data flow."""


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


class Loose(NamedTuple):
    """A step that has no twin in its own module, and what to say if it has none elsewhere."""

    change: Change
    item: Item
    side: int


class GraphPairs:
    """Which scopes and operators of two graphs are the same ones, and the changes between them."""

    def __init__(self, comparison: Aligned, base: Graph, head: Graph) -> None:
        self.comparison, self.base, self.head = comparison, base, head
        self.base_steps, self.head_steps = steps(base), steps(head)
        self.nodes: dict[int, int] = {}  # base -> head
        self.scopes: dict[int, int] = {}
        self.called: set[int] = set()  # the head's that have a twin
        self.loose: list[Loose] = []  # what has no twin in its own module
        self.changes: list[Change] = []
        self.echoes: list[
            Change
        ] = []  # attributes that follow from changed shapes: told where nothing else is
        self.known: set[tuple[object, ...]] = {(change.path, change.what) for change in comparison.modules}
        self.known |= {
            (change.path, *_values(change)) for change in comparison.modules if _is_setting(change)
        }
        moved = [c.path for c in comparison.modules if c.kind == "moved"]
        self.shuffled = {path.rpartition(".")[0] for path in moved}  # there the order of calls follows
        self._match(0, 0)
        self._match_calls()
        self.is_same = is_same(base, head) and self._reads_the_same()
        self.moved = self._rehomed()  # operators that are in another module now: base -> head
        self.changes = [] if self.is_same else [*self.changes, *self._lost()]
        self.changes += dict.fromkeys(self._moves())

    @property
    def told(self) -> list[Change]:
        """The changes of the graph that the modules' do not explain."""
        found = self.changes or ([] if self.comparison.modules else self.echoes)
        found = [*found, *rewired(self, found), *rereads(self.reads), *retyped(self)]
        for word in ("input", "output"):
            shapes = [_shapes(graph, word) for graph in (self.base, self.head)]
            if shapes[0] != shapes[1]:
                found = [*found, Change("changed", "", f"{word} shape", *shapes)]
        return found

    @cached_property
    def differing_paths(self) -> int:
        """How many modules' operators are in a module of another path."""
        pairs = {(self._home(a), self._home(b, head=True)) for a, b in self.nodes.items()}
        return sum(one != other for one, other in pairs)

    @cached_property
    def reads(self) -> list[Read]:
        """Operators that read other tensors of the model."""
        return reads(self)

    def _reads_the_same(self) -> bool:
        """Whether the operators, one by one, read the same tensors: two alike layers may have changed places."""
        aside, self.nodes = self.nodes, {number: number for number in range(len(self.base.nodes))}
        same = all(read.is_new for read in reads(self))
        self.nodes = aside
        return same

    @property
    def changes_of_modules(self) -> Sequence[Change]:
        """What changed in the tree."""
        return self.comparison.modules

    @property
    def modules(self) -> Mapping[str, str]:
        """Base -> head of the modules that are the same ones."""
        return self.comparison.paths

    @property
    def tied(self) -> frozenset[str]:
        """Tensors of the head that are one with another, here or at the base."""
        return self.comparison.tied

    def _match_calls(self) -> None:
        """Calls of the same module from other places."""
        free: dict[str, deque[int]] = {}
        for number, scope in enumerate(self.head.scopes):
            free.setdefault(scope.module, deque()).append(number)
        for number, scope in enumerate(self.base.scopes):
            module = self.comparison.paths.get(scope.module)
            there = free.get(module) if module is not None and number not in self.scopes else None
            while there and there[0] in self.called:
                there.popleft()
            if there:
                self._match(number, there[0])

    def _rehomed(self) -> dict[int, int]:
        """Operators without a twin in their own module, that stand at the same place in the data flow."""
        if self.is_same:
            self.nodes = {number: number for number in range(len(self.base.nodes))}
            moved = self.nodes
        else:
            taken = {*self.nodes.values()}
            lost = len(self.nodes) < min(len(self.base.nodes), len(self.head.nodes))
            flow = self.comparison.flow if lost else None
            same = flow.same.items() if flow is not None else ()
            moved = {a: b for a, b in same if a not in self.nodes and b not in taken}
            self.nodes |= moved
        return {
            a: b
            for a, b in moved.items()
            if self.comparison.paths.get(self._home(a)) != self._home(b, head=True)
        }

    def _home(self, node: int, *, head: bool = False) -> str:
        graph = self.head if head else self.base
        return graph.path(graph.nodes[node])

    def _moves(self) -> Iterator[Change]:
        for one, other in self.moved.items():
            where = self._home(one), self._home(other, head=True)
            yield Change("moved", where[1], f"operator {self.head.nodes[other].operator}", *where)

    def _lost(self) -> Iterator[Change]:
        """What came and what went for good."""
        kept = ({*self.nodes}, {*self.nodes.values()})
        called = ({*self.scopes}, {*self.scopes.values()})
        for change, item, side in self.loose:
            if item.scope in called[side]:
                continue
            if item.scope >= 0 or item.node not in kept[side]:
                yield change

    def _match(self, left: int, right: int) -> None:
        """Lay the steps of two calls of one module side by side."""
        self.scopes[left] = right
        self.called.add(right)
        path = self.head.scopes[right].module
        explained = path in self.comparison.reclassed
        old, new = self.base_steps[left], self.head_steps[right]
        gone: list[tuple[int, Item]] = []
        come: list[tuple[int, Item]] = []
        for tag, i1, i2, j1, j2 in opcodes([self._label(i) for i in old], [i.label for i in new]):
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
            self._tell((self.base.scopes[left].module, path), old, new, gone, come)

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
            if (path, *_values(change)) in self.known:
                continue
            follows = other.operator in VIEWS or not other.inputs
            (self.echoes if follows else self.changes).append(change)

    def _tell(
        self,
        homes: tuple[str, str],
        old: list[Item],
        new: list[Item],
        gone: list[tuple[int, Item]],
        come: list[tuple[int, Item]],
    ) -> None:
        path, rest = homes[HEAD], list(come)
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
                    places = _after(old, i, homes[BASE]), _after(new, twin[0], path)
                    self.changes.append(Change("moved", where, what, *places))
            elif item.scope < 0:
                self.loose.append(Loose(Change("removed", path, f"operator {item.label}"), item, BASE))
            elif (module := self.base.scopes[item.scope].module) in self.comparison.paths:
                change = Change("removed", self.comparison.paths[module], "call")
                self.loose.append(Loose(change, item, BASE))
        known = set(self.comparison.paths.values())
        for _, item in rest:
            where, what = self._place(path, item)
            if item.scope < 0 or where in known:
                self.loose.append(Loose(Change("added", where, what), item, HEAD))

    def _place(self, path: str, item: Item) -> tuple[str, str]:
        if item.scope >= 0:
            return self.head.scopes[item.scope].module, "call"
        return path, f"operator {item.label}"


def _is_setting(change: Change) -> bool:
    return change.kind == "changed" and change.before is not None and change.after is not None


def _values(change: Change) -> tuple[frozenset[str], frozenset[str]]:
    """What stands on both sides, whatever its name and number: `padding 2 -> 1` is `pad [2, 2] -> [1, 1]`."""
    before, after = (
        frozenset(re.findall(r"[^\s,×()\[\]]+", side or "")) for side in (change.before, change.after)
    )
    return before, after


def _after(items: list[Item], index: int, home: str) -> str:
    """Behind which step of its module, `home`."""
    return f"after {relative(items[index - 1].label.removeprefix('call of '), home)}" if index else "first"


def _shapes(graph: Graph, word: str) -> str:
    nodes = [node for node in graph.nodes if node.operator == word and not node.dynamic]
    return ", ".join("×".join(map(str, shape)) or "scalar" for node in nodes for shape in node.shapes)

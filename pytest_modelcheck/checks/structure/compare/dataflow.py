"""What changed in the graph: module call by module call, the operators and inner calls in it, and what feeds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple, Protocol

from ..checkpoint import State
from ..graph import VIEWS, Graph, Node
from .change import OPERATOR, TENSORS, Change
from .dtypes import retyped
from .flow import Flow, same_nodes
from .sequences import Opcode, opcodes
from .steps import Item, Steps
from .wiring import Read, is_fed_alike, reads, rereads, rewired
from .words import behind, is_setting, shapes, values

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

    @property
    def trees(self) -> tuple[Set[str], Set[str]]:
        """The names of all modules of base and head."""

    @property
    def states(self) -> tuple[State | None, State | None]:
        """What the checkpoints of base and head hold, where that is known."""


class Loose(NamedTuple):
    """A step that has no twin in its own module, and what to say if it has none elsewhere."""

    change: Change
    item: Item
    side: int


class Move(NamedTuple):
    """A step that stands elsewhere among the steps of its module, and what to say if it reads something else there."""

    change: Change
    before: Item
    after: Item


class GraphPairs:
    """Which scopes and operators of two graphs are the same ones, and the changes between them."""

    def __init__(self, comparison: Aligned, base: Graph, head: Graph) -> None:
        self.comparison, self.base, self.head = comparison, base, head
        self.steps = Steps(base), Steps(head)
        self.nodes: dict[int, int] = {}  # base -> head
        self.replaced: dict[int, int] = {}  # operators that stand where others stood
        self.scopes: dict[int, int] = {}
        self.called: set[int] = set()  # the head's that have a twin
        self.loose: list[Loose] = []  # what has no twin in its own module
        self.moves: list[Move] = []
        self.changes: list[Change] = []
        self.echoes: list[
            Change
        ] = []  # attributes that follow from changed shapes: told where nothing else is
        self.known: set[tuple[object, ...]] = {(change.path, change.what) for change in comparison.modules}
        self.known |= {(change.path, *values(change)) for change in comparison.modules if is_setting(change)}
        self.placed = set(comparison.paths.values())
        moved = [c.path for c in comparison.modules if c.kind == "moved"]
        self.shuffled = {path.rpartition(".")[0] for path in moved}  # there the order of calls follows
        same = same_nodes(base, head)
        self.is_same = same is not None and self._reads_the_same(same)
        self._match(0, 0)
        self._match_calls()
        self.moved = self._rehomed(same)  # operators that are in another module now: base -> head
        if self.is_same:
            self.changes = []
        else:
            self.changes += [*self._elsewhere(), *self._lost()]
        self.changes += dict.fromkeys(self._moves())

    @property
    def told(self) -> list[Change]:
        """The changes of the graph that the modules' do not explain."""
        found = self.changes or ([] if self.comparison.modules else self.echoes)
        states = self.comparison.states
        found = [*found, *rewired(self, found), *rereads(self.reads)]
        found += retyped(self, *states, [*self.comparison.modules, *found])
        sizes = {
            word: [shapes(graph, word) for graph in (self.base, self.head)] for word in ("input", "output")
        }
        others = bool(found or self.comparison.modules)  # of which other outputs follow
        told = [
            word for word, (one, other) in sizes.items() if one != other and not (others and word == "output")
        ]
        return [*found, *(Change("changed", "", f"{word} shape", *sizes[word]) for word in told)]

    @cached_property
    def differing_paths(self) -> int:
        """How many modules' operators are in a module of another path."""
        return len(self.new_homes)

    @cached_property
    def new_homes(self) -> dict[tuple[str, str], None]:
        """Paths of modules whose operators are in a module of another path, and these, in order."""
        pairs = ((self._home(a), self._home(b, head=True)) for a, b in sorted(self.nodes.items()))
        return dict.fromkeys(pair for pair in pairs if pair[0] != pair[1])

    @cached_property
    def reads(self) -> list[Read]:
        """Operators that read other tensors of the model."""
        return reads(self, self.nodes)

    def _reads_the_same(self, same: Mapping[int, int]) -> bool:
        """Whether the operators, one by one, read the same tensors: two alike layers may have changed places."""
        return all(read.is_new for read in reads(self, same))

    @property
    def changes_of_modules(self) -> Sequence[Change]:
        """What changed in the tree."""
        return self.comparison.modules

    @property
    def modules(self) -> Mapping[str, str]:
        """Base -> head of the modules that are the same ones."""
        return self.comparison.paths

    @cached_property
    def explained(self) -> Set[str]:
        """Modules of another class, and tensors that came or went: told of as such."""
        tensors = [c for c in self.comparison.modules if c.what.startswith(TENSORS) and c.kind != "changed"]
        return {*self.comparison.reclassed, *(f"{c.path}.{c.what.split()[1]}".lstrip(".") for c in tensors)}

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

    def _rehomed(self, same: Mapping[int, int] | None) -> dict[int, int]:
        """Operators without a twin in their own module, that stand at the same place in the data flow."""
        if same is not None and self.is_same:
            self.nodes = dict(same)
            moved = self.nodes
        else:
            taken = {*self.nodes.values()}
            lost = len(self.nodes) < min(len(self.base.nodes), len(self.head.nodes))
            flow = self.comparison.flow if lost else None
            found = flow.same.items() if flow is not None else ()
            moved = {a: b for a, b in found if a not in self.nodes and b not in taken}
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
        """Into another module."""
        for one, other in self.moved.items():
            where = self._home(one), self._home(other, head=True)
            yield Change("moved", where[1], f"{OPERATOR}{self.head.nodes[other].operator}", *where)

    def _elsewhere(self) -> Iterator[Change]:
        """Within their module; of steps that read what they read, the order is no fact."""
        for change, before, after in self.moves:
            pairs = [(n, self.nodes[n]) for n in self.steps[BASE].nodes(before) if n in self.nodes]
            inside = {*self.steps[HEAD].nodes(after)}
            if not all(other in inside and is_fed_alike(self, one, other) for one, other in pairs):
                yield change

    def _lost(self) -> Iterator[Change]:
        """What came and what went for good; of operators of one name in one module also how many."""
        kept = ({*self.nodes}, {*self.nodes.values()})
        called = ({*self.scopes}, self.called)
        found: dict[Change, int] = {}
        for change, item, side in self.loose:
            if item.scope not in called[side] and (item.scope >= 0 or item.node not in kept[side]):
                found[change] = found.get(change, 0) + 1
        for change, many in found.items():
            yield change if many == 1 else replace(change, what=f"{change.what} ({many:,} times)")

    def _match(self, left: int, right: int) -> None:
        """Lay the steps of two calls of one module side by side."""
        self.scopes[left] = right
        self.called.add(right)
        path = self.head.scopes[right].module
        explained = path in self.comparison.reclassed
        old, new = self.steps[BASE].of[left], self.steps[HEAD].of[right]
        gone: list[tuple[int, Item]] = []
        come: list[tuple[int, Item]] = []
        for tag, i1, i2, j1, j2 in self._laid(old, new):
            if tag == "equal":
                for one, other in zip(old[i1:i2], new[j1:j2], strict=True):
                    self._match_items(path, one, other, explained)
                continue
            if (i2 - i1, j2 - j1) == (1, 1) and old[i1].node >= 0 and new[j1].node >= 0:
                self.replaced[old[i1].node] = new[j1].node
                if not explained:
                    self.changes.append(Change("changed", path, "operator", old[i1].label, new[j1].label))
                continue
            gone += [(i, old[i]) for i in range(i1, i2)]
            come += [(j, new[j]) for j in range(j1, j2)]
        if not explained:
            self._tell((self.base.scopes[left].module, path), old, new, gone, come)

    def _laid(self, old: Sequence[Item], new: Sequence[Item]) -> Iterator[Opcode]:
        """Steps side by side: first those that do the same, and between them those of one name."""
        facts = [self._facts(item, BASE) for item in old], [self._facts(item, HEAD) for item in new]
        labels = [self._label(item) for item in old], [item.label for item in new]
        for tag, i1, i2, j1, j2 in opcodes(*facts):
            if tag == "equal":
                yield tag, i1, i2, j1, j2
                continue
            for inner, one, one_end, other, other_end in opcodes(labels[BASE][i1:i2], labels[HEAD][j1:j2]):
                yield inner, i1 + one, i1 + one_end, j1 + other, j1 + other_end

    def _facts(self, item: Item, side: int) -> Hashable:
        """What makes a step this one, apart from its place."""
        if item.scope >= 0:
            return item.label if side == HEAD else self._label(item)
        return self.steps[side].facts(item.node)

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
            if (path, *values(change)) in self.known:
                continue
            follows = other.operator in VIEWS or not other.inputs
            (self.echoes if follows else self.changes).append(change)

    def _tell(
        self,
        homes: tuple[str, str],
        old: Sequence[Item],
        new: Sequence[Item],
        gone: Sequence[tuple[int, Item]],
        come: Sequence[tuple[int, Item]],
    ) -> None:
        """Steps of a module without a twin at their place: what is there elsewhere was moved."""
        path, waiting = homes[HEAD], dict[Hashable, deque[tuple[int, Item]]]()
        for j, item in come:
            waiting.setdefault(self._facts(item, HEAD), deque()).append((j, item))
        taken: set[int] = set()
        for i, item in gone:
            twins = waiting.get(self._facts(item, BASE))
            if twins:
                j, twin = twins.popleft()
                taken.add(j)
                self._match_items(path, item, twin, explained=True)
                places = behind(old, i, homes[BASE]), behind(new, j, path)
                told = places if places[0] != places[1] else ()
                if path not in self.shuffled:
                    self.moves.append(Move(Change("moved", *self._place(path, twin), *told), item, twin))
            else:
                self.loose += self._gone(path, item)
        for j, item in come:
            where, what = self._place(path, item)
            if j in taken:
                continue
            if item.scope < 0 or where in self.placed:
                self.loose.append(Loose(Change("added", where, what), item, HEAD))
            elif where not in self.comparison.trees[HEAD]:
                self.loose.append(Loose(Change("added", path, item.label), item, HEAD))

    def _gone(self, path: str, item: Item) -> Iterator[Loose]:
        if item.scope < 0:
            yield Loose(Change("removed", path, OPERATOR + item.label), item, BASE)
        elif (module := self.base.scopes[item.scope].module) in self.comparison.paths:
            yield Loose(Change("removed", self.comparison.paths[module], "call"), item, BASE)
        elif module not in self.comparison.trees[BASE]:  # made while running
            yield Loose(Change("removed", path, item.label), item, BASE)

    def _place(self, path: str, item: Item) -> tuple[str, str]:
        if item.scope >= 0:
            return self.head.scopes[item.scope].module, "call"
        return path, OPERATOR + item.label

"""What operators that are the same ones read: from which operators, which tensors of the model, at which place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple, Protocol

from ..checkpoint import renamed
from ..graph import Graph, Node, Param, Source
from .change import SWAPPED, Change

GONE = -1  # in place of an operator that has no twin


class Pairs(Protocol):
    """Two graphs, and which of their operators and calls are the same ones."""

    base: Graph
    head: Graph
    nodes: dict[int, int]  # base -> head
    scopes: dict[int, int]
    replaced: dict[int, int]  # operators that stand where others stood

    @property
    def changes_of_modules(self) -> Sequence[Change]:
        """What changed in the tree."""

    @property
    def modules(self) -> Mapping[str, str]:
        """Base -> head of the modules that are the same ones."""

    @property
    def explained(self) -> Set[str]:
        """Modules of another class, and tensors that came or went with one side: told of as such."""

    @property
    def tied(self) -> frozenset[str]:
        """Tensors of the head that are one with another, here or at the base: told of elsewhere."""


class Operand(NamedTuple):
    """What an operator is given: another one's output (`source`) or a tensor by its `name`, both as in the head."""

    place: str
    source: Source | None = None
    name: str = ""


def given(pairs: Pairs, number: int, *, head: bool) -> list[Operand]:
    """The operands of a node, by place."""
    node = (pairs.head if head else pairs.base).nodes[number]
    found = []
    for at, (place, operand) in enumerate(_placed(node)):
        first, second = operand
        if at >= len(node.inputs):
            name = str(first)
            found.append(Operand(place, name=name if head else renamed(name, pairs.modules)))
        else:
            source = int(first)
            twin = source if head else pairs.nodes.get(source, pairs.replaced.get(source, GONE))
            found.append(Operand(place, (twin, second if isinstance(second, int) else 0)))
    return sorted(found, key=_order)


def _placed(node: Node) -> list[tuple[str, Source | Param]]:
    """Its operands with their places; in records that know none they are numbered."""
    if node.places or node.is_commutative:
        return node.operands
    inputs, params = enumerate(node.inputs), enumerate(node.params)
    return [*((f"{n}", source) for n, source in inputs), *((f"tensor {n}", param) for n, param in params)]


def _order(operand: Operand) -> list[int | str]:
    """By place (`[10]` behind `[9]`)."""
    return [int(part) if part.isdecimal() else part for part in re.split("([0-9]+)", operand.place)]


def is_fed_alike(pairs: Pairs, left: int, right: int) -> bool:
    """Whether two operators read the same, apart from tensors that have another name."""
    return not differing(given(pairs, left, head=False), given(pairs, right, head=True))


def differing(
    before: Sequence[Operand], after: Sequence[Operand]
) -> list[tuple[list[Operand], list[Operand]]]:
    """The places at which something else is given; where tensors of the model alone differ is told by `reads`."""
    places: dict[str, tuple[list[Operand], list[Operand]]] = {}
    for side, operands in enumerate((before, after)):
        for operand in operands:
            places.setdefault(operand.place, ([], []))[side].append(operand)
    return [sides for sides in places.values() if _forms(sides[0]) != _forms(sides[1])]


def _forms(operands: Iterable[Operand]) -> list[Source]:
    return sorted(operand.source or (GONE - 1, 0) for operand in operands)


def _is_plain(pairs: Pairs, one: Node, other: Node) -> bool:
    """Whether both read the same in the same order: nothing to look at."""
    if one.places != other.places or len(one.params) != len(other.params):
        return False
    return [(pairs.nodes.get(node, GONE), slot) for node, slot in one.inputs] == [*other.inputs]


def rewired(pairs: Pairs, told: Sequence[Change]) -> Iterator[Change]:
    """Operators and calls that are fed by others; where something was moved that follows."""
    everything = (*pairs.changes_of_modules, *told)
    noisy = {change.path for change in told if change.kind == "moved"}
    noisy |= {change.path.rpartition(".")[0] for change in everything if change.kind == "moved"}
    noisy |= {change.path for change in told if change.what == "output form"}
    found: dict[tuple[str, str], Change] = {}
    known = {*pairs.nodes.values(), *pairs.replaced.values()}
    names = Names(pairs.head)
    for left, right in pairs.nodes.items():
        if _is_plain(pairs, pairs.base.nodes[left], pairs.head.nodes[right]):
            continue
        sides = given(pairs, left, head=False), given(pairs, right, head=True)
        other = differing(*sides)
        sources = [o.source[0] for side in sides for o in side if o.source is not None]
        if not other or any(source not in known for source in sources):
            continue  # the same, or it follows from what came and went
        if _is_explained(pairs, right, other):
            continue
        step = _Step.reading(names, right, other)
        if step.path not in noisy:
            found.setdefault((step.path, step.name), _told(step, sides, other))
    yield from found.values()


def _is_explained(pairs: Pairs, node: int, other: Sequence[tuple[list[Operand], list[Operand]]]) -> bool:
    """Whether it follows from what is told of modules: a class, a bias that came or went."""
    if pairs.head.path(pairs.head.nodes[node]) in pairs.explained:
        return True
    operands = [operand for pair in other for side in pair for operand in side]
    return all(operand.source is None and operand.name in pairs.explained for operand in operands)


def _told(
    step: _Step,
    sides: tuple[list[Operand], list[Operand]],
    other: Sequence[tuple[list[Operand], list[Operand]]],
) -> Change:
    """Operands that changed places are swapped; one that went to another argument is told with both."""
    reader = relative(step.name, step.path)
    before, after = ([operand for pair in other for operand in pair[side]] for side in (0, 1))
    same = sorted(map(_identity, before)) == sorted(map(_identity, after))
    if same and {o.place for o in before} == {o.place for o in after}:
        what = f"operands of {reader} {SWAPPED}" if reader != "output" else f"outputs {SWAPPED}"
        return Change("changed", step.path, what, *step.sides(before, after))
    if same:
        named = [", ".join(f"{o.place}={step.operand(o)}" for o in side) for side in (before, after)]
        return Change("changed", step.path, f"operands of {reader}", *named)
    what = f"input of {reader}" if reader != "output" else "outputs"
    return Change("changed", step.path, what, *step.sides(*sides))


def _identity(operand: Operand) -> tuple[Source, str]:
    return operand.source or (GONE, 0), operand.name


class Names:
    """A graph, and the how manieth of its kind each of its operators is, from 1 on."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ordinals: list[int] = []
        counts: dict[str, int] = {}
        for node in graph.nodes:
            counts[node.operator] = counts.get(node.operator, 0) + 1
            self.ordinals.append(counts[node.operator])


class _Step:
    """A step of a module's forward, an operator or the call of an inner module; and what its sources are called."""

    def __init__(self, names: Names, scope: int, name: str) -> None:
        self.names, self.graph, self.scope, self.name = names, names.graph, scope, name
        self.path = self.graph.scopes[scope].module

    @classmethod
    def reading(cls, names: Names, node: int, other: Sequence[tuple[list[Operand], list[Operand]]]) -> _Step:
        """The one that reads these, seen from the innermost module that one of them is in."""
        graph = names.graph
        sources = [o.source[0] for pair in other for side in pair for o in side if o.source is not None]
        scope, name = graph.nodes[node].scope, graph.nodes[node].operator
        while (
            sources
            and scope > 0
            and not any(_inside(graph, graph.nodes[source].scope, scope) for source in sources)
        ):
            name, scope = graph.scopes[scope].module, graph.scopes[scope].parent
        return cls(names, scope, name)

    def operand(self, operand: Operand) -> str:
        """A tensor of the model, an operator or an inner module."""
        if operand.source is None:
            return relative(operand.name, self.path) or "a constant"
        return self.source(operand.source)

    def source(self, source: Source) -> str:
        """An operator or an inner module; which of its outputs, where an operator has several."""
        node = self.graph.nodes[source[0]]
        name, scope = node.operator, node.scope
        while scope > self.scope:
            name, scope = (
                relative(self.graph.scopes[scope].module, self.path),
                self.graph.scopes[scope].parent,
            )
        if scope != self.scope:
            name = "the module's input"
        return f"{name}[{source[1]}]" if len(node.shapes) > 1 else name

    def sides(self, before: Sequence[Operand], after: Sequence[Operand]) -> list[str]:
        """What it read and what it reads, in names; of operators of one name also which one."""
        names = [", ".join(dict.fromkeys(map(self.operand, side))) for side in (before, after)]
        if names[0] != names[1]:
            return names
        return [", ".join(map(self._numbered, side)) for side in (before, after)]

    def _numbered(self, operand: Operand) -> str:
        name = self.operand(operand)
        return f"{name} #{self.names.ordinals[operand.source[0]]}" if operand.source is not None else name


def _inside(graph: Graph, scope: int, outer: int) -> bool:
    while scope > outer:
        scope = graph.scopes[scope].parent
    return scope == outer


class Read(NamedTuple):
    """An operator that reads another tensor of the model than at the base, by its names in the head.

    `is_new`: the base had no tensor of that name, and the head has none of the other: it may be the same, renamed.
    """

    path: str
    operator: str
    before: str
    after: str
    is_new: bool


def reads(pairs: Pairs, nodes: Mapping[int, int]) -> list[Read]:
    """What reads others, each once; tensors that are tied, here or at the base, are told of elsewhere."""
    names = [{name for node in graph.nodes for name, _ in node.params} for graph in (pairs.base, pairs.head)]
    old = {renamed(name, pairs.modules) for name in names[0]}
    found: dict[Read, None] = {}
    for left, right in nodes.items():
        one, other = pairs.base.nodes[left], pairs.head.nodes[right]
        for before, after in _exchanged(pairs, one, other) if one.params and other.params else ():
            if before and after and not {before, after} <= pairs.tied:
                is_new = after not in old and before not in names[1]
                found[Read(pairs.head.path(other), other.operator, before, after, is_new)] = None
    return list(found)


def _exchanged(pairs: Pairs, one: Node, other: Node) -> Iterator[tuple[str, str]]:
    """Tensors, place by place, in names of the head: what is read at the base alone, and in the head alone."""
    places: dict[str, tuple[list[str], list[str]]] = {}
    for side, node in enumerate((one, other)):
        for place, (name, _) in _placed(node)[len(node.inputs) :]:
            own = str(name) if side else renamed(str(name), pairs.modules)
            places.setdefault(place, ([], []))[side].append(own)
    for before, after in places.values():
        if before != after:
            gone = [name for name in before if name not in after]
            come = [name for name in after if name not in before]
            yield from zip(gone, come, strict=False)


def rereads(found: Iterable[Read]) -> Iterator[Change]:
    """In words."""
    known = {(read.path, read.before, read.after) for read in found}
    for read in found:
        own = [relative(name, read.path) for name in (read.before, read.after)]
        if read.is_new:
            continue
        if (read.path, read.after, read.before) not in known:
            yield Change("changed", read.path, f"tensor that {read.operator} reads", *own)
        elif read.before < read.after:
            yield Change("changed", read.path, f"tensors {SWAPPED}", ", ".join(own), ", ".join(own[::-1]))


def relative(name: str, path: str) -> str:
    """A name as it is called in the module at `path`."""
    return name.removeprefix(f"{path}.") if path else name

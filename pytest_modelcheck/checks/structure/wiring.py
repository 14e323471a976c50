"""What operators that are the same ones read: from which operators, which tensors of the model, in which dtype."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from ...text import count
from .change import Change
from .checkpoint import renamed
from .graph import Graph, Source


class Pairs(Protocol):
    """Two graphs, and which of their operators and calls are the same ones."""

    base: Graph
    head: Graph
    nodes: dict[int, int]  # base -> head
    scopes: dict[int, int]

    @property
    def changes_of_modules(self) -> Sequence[Change]:
        """What changed in the tree."""

    @property
    def modules(self) -> Mapping[str, str]:
        """Base -> head of the modules that are the same ones."""

    @property
    def tied(self) -> frozenset[str]:
        """Tensors of the head that are one with another, here or at the base: told of elsewhere."""


def rewired(pairs: Pairs, told: Sequence[Change]) -> Iterator[Change]:
    """Operators and calls that are fed by others; in modules in which nothing came, went or moved."""
    noisy = {change.path for change in told}
    noisy |= {
        change.path.rpartition(".")[0]
        for change in (*pairs.changes_of_modules, *told)
        if change.kind != "changed"
    }
    found: dict[tuple[str, str], Change] = {}
    known = {*pairs.nodes.values()}
    for left, right in pairs.nodes.items():
        inputs = pairs.head.nodes[right].inputs
        expected = [(pairs.nodes.get(node, -1), slot) for node, slot in pairs.base.nodes[left].inputs]
        if expected == [*inputs] or any(node not in known for node, _ in (*expected, *inputs)):
            continue  # the same, or it follows from what came and went
        step = _Step.reading(pairs.head, right, _first(expected, inputs))
        if step.path not in noisy:
            reader = relative(step.name, step.path)
            change = Change("changed", step.path, f"input of {reader}", *_sides(step, expected, inputs))
            found.setdefault((step.path, step.name), change)
    yield from found.values()


def _first(expected: Sequence[Source], inputs: Sequence[Source]) -> tuple[int, ...]:
    """The first operator that is read instead of another one, and that one."""
    pairs = zip(expected, inputs, strict=False)
    return next(((old[0], new[0]) for old, new in pairs if old != new), (inputs[-1][0],))


def _sides(step: _Step, expected: Sequence[Source], inputs: Sequence[Source]) -> list[str]:
    """What it read and what it reads, in names; of operators of one name also which one."""
    names = [", ".join(dict.fromkeys(map(step.source, side))) for side in (expected, inputs)]
    if names[0] != names[1]:
        return names

    def numbered(side: Sequence[Source]) -> str:
        return ", ".join(f"{step.source(source)} #{step.ordinal(source[0])}" for source in side)

    return [numbered(expected), numbered(inputs)]


class _Step:
    """A step of a module's forward, an operator or the call of an inner module; and what its sources are called."""

    def __init__(self, graph: Graph, scope: int, name: str) -> None:
        self.graph, self.scope, self.name = graph, scope, name
        self.path = graph.scopes[scope].module

    @classmethod
    def reading(cls, graph: Graph, node: int, sources: Sequence[int]) -> _Step:
        """The one that reads `sources`, seen from the innermost module that one of them is in."""
        scope, name = graph.nodes[node].scope, graph.nodes[node].operator
        while scope > 0 and not any(_inside(graph, graph.nodes[source].scope, scope) for source in sources):
            name, scope = graph.scopes[scope].module, graph.scopes[scope].parent
        return cls(graph, scope, name)

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

    def ordinal(self, node: int) -> int:
        """The how manieth of its kind it is, from 1 on."""
        kind = self.graph.nodes[node].operator
        return sum(other.operator == kind for other in self.graph.nodes[: node + 1])


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


def reads(pairs: Pairs) -> list[Read]:
    """What reads others, each once; tensors that are tied, here or at the base, are told of elsewhere."""
    names = [{name for node in graph.nodes for name, _ in node.params} for graph in (pairs.base, pairs.head)]
    old = {renamed(name, pairs.modules) for name in names[0]}
    found: dict[Read, None] = {}
    for left, right in pairs.nodes.items():
        one, other = pairs.base.nodes[left], pairs.head.nodes[right]
        both = zip(one.params, other.params, strict=True) if len(one.params) == len(other.params) else ()
        for (base_name, _), (after, _) in both:
            before = renamed(base_name, pairs.modules)
            if before != after and before and after and not {before, after} <= pairs.tied:
                is_new = after not in old and before not in names[1]
                found[Read(pairs.head.path(other), other.operator, before, after, is_new)] = None
    return list(found)


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
            yield Change("changed", read.path, "tensors swapped", ", ".join(own), ", ".join(own[::-1]))


def relative(name: str, path: str) -> str:
    """A name as it is called in the module at `path`."""
    return name.removeprefix(f"{path}.") if path else name


def retyped(pairs: Pairs) -> Iterator[Change]:
    """Operators that give tensors of another dtype, in one sentence for all of one kind."""
    counts: Counter[tuple[str, str]] = Counter()
    for left, right in pairs.nodes.items():
        one, other = pairs.base.nodes[left], pairs.head.nodes[right]
        if one.dtypes != other.dtypes:
            counts[", ".join(dict.fromkeys(one.dtypes)), ", ".join(dict.fromkeys(other.dtypes))] += 1
    for (before, after), many in counts.items():
        yield Change("changed", "", f"dtype of {count(many, 'operator')}", before, after)

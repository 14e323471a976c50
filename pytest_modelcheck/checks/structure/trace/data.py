"""What in a traced graph is data: values that came out of tensors, found by a run in which they are other ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from ..graph import CONDITION, FROM_DATA, VALUES, Node, Source

OUTSIDE = "values"  # a step of Python's own between what it was given out of tensors and what it gave back


Moved: TypeAlias = Mapping[int, Mapping[str, "Part"]]


class Part(NamedTuple):
    """An attribute with what is data in it marked as such; and what stood there, in both runs. `is_end`: it is an end
    of a slice, on which sizes depend.
    """

    marked: object
    given: tuple[tuple[object, object], ...] = ()
    is_end: bool = False


def moved(nodes: Sequence[Node], others: Sequence[Node]) -> Moved:
    """Attributes that are other ones in the other run, by the number of the node; "" for a shape.

    Both are laid side by side from both ends; where data decides how often a loop runs, its turns stay apart.
    """
    found: dict[int, Mapping[str, Part]] = {}
    for number, other in _pairs(nodes, others):
        node = nodes[number]
        parts = {
            name: _part(node.attributes.get(name), other.attributes.get(name), within=name not in CONTENTS)
            for name in node.attributes.keys() | other.attributes.keys()
            if node.attributes.get(name) != other.attributes.get(name)
        }
        if node.shapes != other.shapes:
            parts[""] = Part(None)
        if parts:
            found[number] = parts
    return found


SIZED = frozenset(["view", "reshape", "expand", "repeat", "unflatten", "as_strided"])  # are told sizes
CONTENTS = frozenset(["data", "obj", "values"])  # of tensors: where one is data, all are


def _part(one: object, other: object, *, within: bool) -> Part:
    """Of a list, and of a slice, what differs alone is data."""
    if not within:
        return Part(FROM_DATA, ((one, other),))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        parts = [Part(a) if a == b else _part(a, b, within=True) for a, b in zip(one, other, strict=True)]
        given = ((one, other), *(pair for part in parts for pair in part.given))
        return Part([part.marked for part in parts], given, any(part.is_end for part in parts))
    if isinstance(one, str) and isinstance(other, str) and one.count(":") == other.count(":") == 2:
        pairs = list(zip(*_ends(one, other), strict=True))
        ends = [a if a == b else FROM_DATA for a, b in pairs]
        return Part(":".join(ends), tuple(pair for pair in pairs if pair[0] != pair[1]), True)
    return Part(FROM_DATA, ((one, other),))


def _ends(*slices: str) -> list[list[str]]:
    return [told.split(":") for told in slices]


def _pairs(nodes: Sequence[Node], others: Sequence[Node]) -> Iterator[tuple[int, Node]]:
    shorter, first = min(len(nodes), len(others)), 0
    while first < shorter and nodes[first].operator == others[first].operator:
        yield first, others[first]
        first += 1
    last = 1
    while last <= shorter - first and nodes[-last].operator == others[-last].operator:
        yield len(nodes) - last, others[-last]
        last += 1


class Linked:
    """The nodes with what is data marked as such and linked to what gave it out; `place`: old number -> new.

    `values`: what each node that gave values out gave, in both runs. What nothing else read may have decided which way
    Python went.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        values: Mapping[int, tuple[object, object]],
        moved: Moved,
    ) -> None:
        self.values = values
        self.nodes: list[Node] = []
        self.place: list[int] = []
        self._given: list[int] = []  # old numbers of what gave values out since they were last gathered
        self._gathered: Source | None = None
        self._matched: set[int] = set()
        for number, node in enumerate(nodes):
            parts = moved.get(number, {})
            own = [(self.place[source], slot) for source, slot in node.inputs]
            made = self._placed(node, tuple(own), parts)
            told = {name: part for name, part in parts.items() if name in made.attributes}
            if told:
                made = self._linked(made, told)
            if node.operator == "output":
                rest = [(self.place[n], 0) for n in self._given if n not in self._matched]
                made = _given_more(made, rest, CONDITION)
            self.place.append(len(self.nodes))
            self.nodes.append(made)
            if number in values:
                self._given.append(number)

    def _placed(self, node: Node, inputs: tuple[Source, ...], parts: Mapping[str, Part]) -> Node:
        """Its sizes depend on data where an end of a slice does, or what it reads; though no other run may show it."""
        follows = any(self.nodes[source].dynamic for source, _ in inputs) and not node.dynamic
        told = {} if follows and node.operator in SIZED else node.attributes
        begins = "" in parts or any(part.is_end for part in parts.values())
        return replace(node, inputs=inputs, attributes=told, dynamic=node.dynamic or follows or begins)

    def _linked(self, node: Node, told: Mapping[str, Part]) -> Node:
        """Linked to the very ones whose values stand in it, or to all that were given out before."""
        exact = [
            number
            for number in self._given
            for part in told.values()
            if any(_is(self.values[number], given) for given in part.given)
        ]
        self._matched.update(exact)
        sources = [(self.place[number], 0) for number in dict.fromkeys(exact)] if exact else self._all(node)
        marked = {name: told[name].marked if name in told else v for name, v in node.attributes.items()}
        return _given_more(replace(node, attributes=marked), sources, VALUES)

    def _all(self, node: Node) -> list[Source]:
        """One step for all that Python was given so far."""
        if self._given:
            before = [self._gathered] if self._gathered is not None else []
            sources = (*before, *((self.place[number], 0) for number in self._given))
            step = Node(
                OUTSIDE,
                node.scope,
                sources,
                shapes=((),),
                places=(VALUES,) * len(sources),
                unseen=node.operator != "output",
            )
            self._gathered = (len(self.nodes), 0)
            self.nodes.append(step)
            self._given = []
        return [self._gathered] if self._gathered is not None else []


def _given_more(node: Node, sources: Sequence[Source], place: str) -> Node:
    many = len(node.inputs)
    places = node.places or ("",) * (many + len(node.params))
    where = (*places[:many], *[place] * len(sources), *places[many:])
    return replace(node, inputs=(*node.inputs, *sources), places=where)


def _is(values: tuple[object, object], told: tuple[object, object]) -> bool:
    """Whether what was given out is what stands there, in both runs."""
    if isinstance(told[0], str):  # an end of a slice
        return all(
            type(value) is int and str(value) == word for value, word in zip(values, told, strict=True)
        )
    plain = all(type(value) in (int, float, list) for value in values)
    return plain and values == told

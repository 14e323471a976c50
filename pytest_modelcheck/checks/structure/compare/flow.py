"""Which operators of two graphs are the same ones by their place in the data flow, whatever modules they are in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Mapping, Sequence

from ..graph import Graph, Node
from .sequences import opcodes

Label = Callable[[int], Hashable]  # of a node, by its number


def same_nodes(base: Graph, head: Graph) -> dict[int, int] | None:
    """Base -> head where both do the same with the same operators, whatever their modules are called; else None.

    The order of operators that do not depend on each other is no fact.
    """
    both = zip(base.nodes, head.nodes, strict=False)
    if len(base.nodes) == len(head.nodes) and all(_facts(one) == _facts(other) for one, other in both):
        return {number: number for number in range(len(base.nodes))}
    if base.fingerprint != head.fingerprint:
        return None
    places: dict[str, deque[int]] = {}
    for number, made in enumerate(head.hashes):
        places.setdefault(made, deque()).append(number)
    there = ((number, places.get(made)) for number, made in enumerate(base.hashes))
    return {number: twins.popleft() for number, twins in there if twins}


def _facts(node: Node) -> tuple[object, ...]:
    params = [shape for _, shape in node.params]
    places = node.inputs, node.places
    return (node.operator, places, node.settings, params, node.shapes, node.dtypes, node.dynamic)


class Flow:
    """`same`: base -> head of the operators that are the same ones. `likely`: those too that have parameters of other
    shapes, and stand where the other one stood.

    `paths`: base -> head of the modules that are known to be the same.
    """

    def __init__(self, base: Graph, head: Graph, paths: Mapping[str, str]) -> None:
        self.base, self.head, self.paths = base, head, paths
        everything = [*range(len(base.nodes))], [*range(len(head.nodes))]
        same = same_nodes(base, head)
        if same is not None:
            self.same = self.likely = same
            return
        known = {path: path for path in paths.values()}
        self.same, gaps = {}, [everything]
        for left, right in (
            (self._placed(base, paths), self._placed(head, known)),
            (self._plain(base), self._plain(head)),
        ):
            gaps = [gap for one, other in gaps for gap in self._lay(one, other, left, right, self.same)]
        self.likely = dict(self.same)
        for one, other in gaps:
            with_parameters = (
                [n for n in one if base.nodes[n].params],
                [n for n in other if head.nodes[n].params],
            )
            self._lay(*with_parameters, self._rough(base), self._rough(head), self.likely)

    def _lay(
        self, left: Sequence[int], right: Sequence[int], one: Label, other: Label, found: dict[int, int]
    ) -> list[tuple[list[int], list[int]]]:
        """Pair equal labels in order; what lies between the pairs is returned, gap by gap."""
        old, new = [one(n) for n in left], [other(n) for n in right]
        gaps = []
        for tag, i1, i2, j1, j2 in opcodes(old, new):
            if tag == "equal":
                found.update(zip(left[i1:i2], right[j1:j2], strict=True))
            elif tag == "replace":
                gaps.append(([*left[i1:i2]], [*right[j1:j2]]))
        return gaps

    def _plain(self, graph: Graph) -> Label:
        """What a node does, and with what."""

        def label(number: int) -> Hashable:
            node = graph.nodes[number]
            return (
                node.operator,
                repr(sorted(node.settings.items())),
                tuple([shape for _, shape in node.params]),
                () if node.dynamic else node.shapes,
            )

        return label

    def _placed(self, graph: Graph, names: Mapping[str, str]) -> Label:
        """The same, and in which of the modules that both sides have."""
        plain = self._plain(graph)
        return lambda number: (plain(number), names.get(graph.path(graph.nodes[number])))

    def _rough(self, graph: Graph) -> Label:
        """What a node does with how many parameters."""
        return lambda number: (graph.nodes[number].operator, len(graph.nodes[number].params))

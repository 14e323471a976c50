"""Which operators of two graphs are the same ones by their place in the data flow, whatever modules they are in."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from .graph import Graph, Node
from .sequences import opcodes

Label = Callable[[int], Hashable]  # of a node, by its number


def is_same(base: Graph, head: Graph) -> bool:
    """Whether both do the same with the same operators in the same order, whatever their modules are called."""
    if len(base.nodes) != len(head.nodes):
        return False
    return all(_facts(one) == _facts(other) for one, other in zip(base.nodes, head.nodes, strict=True))


def _facts(node: Node) -> tuple[object, ...]:
    params = [shape for _, shape in node.params]
    return (node.operator, node.inputs, node.settings, params, node.shapes, node.dtypes, node.dynamic)


class Flow:
    """`same`: base -> head of the operators that are the same ones. `likely`: those too that have parameters of other
    shapes, and stand where the other one stood.

    `paths`: base -> head of the modules that are known to be the same.
    """

    def __init__(self, base: Graph, head: Graph, paths: Mapping[str, str]) -> None:
        self.base, self.head, self.paths = base, head, paths
        everything = [*range(len(base.nodes))], [*range(len(head.nodes))]
        if is_same(base, head):
            self.same = dict(zip(*everything, strict=True))
            self.likely = self.same
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

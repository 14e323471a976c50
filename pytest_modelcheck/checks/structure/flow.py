"""Which operators of two graphs are the same ones by their place in the data flow, whatever modules they are in."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from .graph import Graph, Node

Label = Callable[[int], Hashable]  # of a node, by its number
MOST = 100_000  # pairs of equal labels for which difflib is quick enough
FAR, RUN = (
    48,
    4,
)  # steps that are looked ahead for the next place where both go on alike, and for how many steps


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


def opcodes(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[str, int, int, int, int]]:
    """difflib's, after what is equal at both ends, which is most of two revisions of a model."""
    start, stop = 0, 0
    shorter = min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    while stop < shorter - start and old[-1 - stop] == new[-1 - stop]:
        stop += 1
    ends = len(old) - stop, len(new) - stop
    yield "equal", 0, start, 0, start
    middle = old[start : ends[0]], new[start : ends[1]]
    found = _exact(*middle) if _pairs(*middle) <= MOST else _resynced(*middle)
    for tag, i1, i2, j1, j2 in found:
        yield tag, start + i1, start + i2, start + j1, start + j2
    yield "equal", ends[0], len(old), ends[1], len(new)


def _exact(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[str, int, int, int, int]]:
    yield from SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _resynced(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[str, int, int, int, int]]:
    """For hundreds of layers that are all alike: what differs is local, and soon both go on alike."""
    i, j = 0, 0
    while i < len(old) and j < len(new):
        run = 0
        while i + run < len(old) and j + run < len(new) and old[i + run] == new[j + run]:
            run += 1
        yield "equal", i, i + run, j, j + run
        i, j = i + run, j + run
        one, other = _next(old, new, i, j)
        yield "replace", i, one, j, other
        i, j = one, other
    yield "replace", i, len(old), j, len(new)


def _next(old: Sequence[Hashable], new: Sequence[Hashable], i: int, j: int) -> tuple[int, int]:
    """Where both go on alike after differing at `i` and `j`; their ends, if nowhere near."""
    for far in range(1, FAR):
        for left in sorted(range(far + 1), key=lambda left: abs(far - 2 * left)):
            one, other = i + left, j + far - left
            run = 1 if left * 2 == far else RUN  # as many steps on both sides are more likely the same ones
            ahead = [*old[one : one + run]]
            if ahead and ahead == [*new[other : other + run]]:
                return one, other
    return len(old), len(new)


def _pairs(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    """How many pairs of places have equal labels."""
    counts: dict[Hashable, int] = {}
    for label in new:
        counts[label] = counts.get(label, 0) + 1
    return sum(counts.get(label, 0) for label in old)

"""Operators that give tensors of another dtype: each kind in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...text import count
from .change import Change
from .checkpoint import State, renamed
from .graph import Node
from .wiring import Pairs

_HALF = {"float16", "bfloat16"}


def retyped(pairs: Pairs, base: State | None, head: State | None) -> Iterator[Change]:
    """Of operators that are the same ones. Under autocast: some give 16 bits for what they read in 32."""
    found: Counter[tuple[str, str]] = Counter()
    cast: set[tuple[str, str]] = set()
    stored = _reads_the_same(pairs, base, head)
    for left, right in pairs.nodes.items():
        one, other = pairs.base.nodes[left], pairs.head.nodes[right]
        if one.dtypes != other.dtypes:
            sides = ", ".join(dict.fromkeys(one.dtypes)), ", ".join(dict.fromkeys(other.dtypes))
            found[sides] += 1
            if stored and {*sides} & _HALF and _begins(pairs, one, other):
                cast.add(sides)
    for sides, many in found.items():
        how = " under autocast" if sides in cast else ""
        yield Change("changed", "", f"dtype of {count(many, 'operator')}{how}", *sides)


def _begins(pairs: Pairs, one: Node, other: Node) -> bool:
    """Whether what the operator reads has the dtype that it had, and the operator says nothing of dtypes."""
    sides = ((pairs.base, one), (pairs.head, other))
    read = [[graph.nodes[source].dtypes for source, _ in node.inputs] for graph, node in sides]
    return read[0] == read[1] and bool(other.inputs) and one.attributes == other.attributes


def _reads_the_same(pairs: Pairs, base: State | None, head: State | None) -> bool:
    """Whether parameters and buffers have the dtypes that they had."""
    if base is None or head is None:
        return True
    old = {renamed(held.key, pairs.modules): held.dtype for held in base.held}
    return all(old.get(held.key, held.dtype) == held.dtype for held in head.held)

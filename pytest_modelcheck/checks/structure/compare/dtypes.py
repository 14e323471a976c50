"""Operators that give tensors of another dtype: each kind in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ....text import count
from ..checkpoint import State, renamed
from ..graph import Node
from .change import Change
from .wiring import Pairs

_HALF = {"float16", "bfloat16"}


def retyped(pairs: Pairs, base: State | None, head: State | None, told: Sequence[Change]) -> Iterator[Change]:
    """Of operators that are the same ones, unless it follows from what is told: nothing begins with them.

    Under autocast: some give 16 bits for what they read in 32.
    """
    found: Counter[tuple[str, str]] = Counter()
    begun: set[tuple[str, str]] = set()
    cast: set[tuple[str, str]] = set()
    stored = _reads_the_same(pairs, base, head)
    for left, right in pairs.nodes.items():
        one, other = pairs.base.nodes[left], pairs.head.nodes[right]
        if one.dtypes != other.dtypes:
            sides = ", ".join(dict.fromkeys(one.dtypes)), ", ".join(dict.fromkeys(other.dtypes))
            found[sides] += 1
            if _begins(pairs, one, other):
                begun.add(sides)
                if stored and other.inputs and {*sides} & _HALF:
                    cast.add(sides)
    for sides, many in found.items():
        if told and sides not in begun:
            continue
        how = " under autocast" if sides in cast else ""
        yield Change("changed", "", f"dtype of {count(many, 'operator')}{how}", *sides)


def _begins(pairs: Pairs, one: Node, other: Node) -> bool:
    """Whether what the operator reads has the dtype that it had, and the operator says nothing of dtypes."""
    sides = ((pairs.base, one), (pairs.head, other))
    read = [[graph.nodes[source].dtypes for source, _ in node.inputs] for graph, node in sides]
    return read[0] == read[1] and one.attributes == other.attributes


def _reads_the_same(pairs: Pairs, base: State | None, head: State | None) -> bool:
    """Whether parameters and buffers have the dtypes that they had."""
    if base is None or head is None:
        return True
    old = {renamed(held.key, pairs.modules): held.dtype for held in base.held}
    return all(old.get(held.key, held.dtype) == held.dtype for held in head.held)

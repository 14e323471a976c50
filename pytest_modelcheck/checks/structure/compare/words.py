"""Words for places, values and shapes in an operator graph."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..graph import Graph
from .change import Change
from .steps import Item
from .wiring import relative


def is_setting(change: Change) -> bool:
    """Whether it has two sides."""
    return change.kind == "changed" and change.before is not None and change.after is not None


def values(change: Change) -> tuple[frozenset[str], frozenset[str]]:
    """What stands on both sides, whatever its name and number: `padding 2 -> 1` is `pad [2, 2] -> [1, 1]`."""
    before, after = (
        frozenset(re.findall(r"[^\s,×()\[\]]+", side or "")) for side in (change.before, change.after)
    )
    return before, after


def behind(items: Sequence[Item], index: int, home: str) -> str:
    """Behind which step of its module, `home`."""
    return f"after {relative(items[index - 1].label.removeprefix('call of '), home)}" if index else "first"


def shapes(graph: Graph, word: str) -> str:
    """Those of all operators of that name."""
    nodes = [node for node in graph.nodes if node.operator == word and not node.dynamic]
    return ", ".join("×".join(map(str, shape)) or "scalar" for node in nodes for shape in node.shapes)

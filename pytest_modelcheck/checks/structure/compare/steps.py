"""What a module's forward does, step by step: operators, and calls of inner modules."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from ..graph import Graph


@dataclass(frozen=True)
class Item:
    """A step of a module's forward: an operator (`node`) or the call of an inner module (`scope`)."""

    label: str
    node: int = -1
    scope: int = -1


class Steps:
    """The steps of every scope of a graph, in order. A module whose call left nothing behind in the graph is none."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.of: list[list[Item]] = [[] for _ in graph.scopes]
        self._settings: dict[int, Hashable] = {}
        entered: set[int] = set()
        for number, node in enumerate(graph.nodes):
            self.of[node.scope].append(Item(node.operator, node=number))
            scope = node.scope
            while scope > 0 and scope not in entered:
                entered.add(scope)
                parent = graph.scopes[scope].parent
                item = Item(f"call of {graph.scopes[scope].module}", scope=scope)
                place = self.of[parent]
                place.append(item)
                scope = parent

    def facts(self, number: int) -> Hashable:
        """What an operator does with which sorts of tensors, apart from what it reads."""
        if number not in self._settings:
            node = self.graph.nodes[number]
            shapes = tuple([shape for _, shape in node.params])
            self._settings[number] = node.operator, repr(sorted(node.settings.items())), shapes
        return self._settings[number]

    def nodes(self, item: Item) -> Iterator[int]:
        """The operator, or all that run in the call."""
        todo = [item]
        while todo:
            step = todo.pop()
            if step.scope >= 0:
                todo += self.of[step.scope]
            else:
                yield step.node

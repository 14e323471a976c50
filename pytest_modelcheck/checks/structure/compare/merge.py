"""Base and head in one graph: what the report draws green, red and amber. `status` is added, removed, changed or ""."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from ..graph import Graph, Node, Scope, Source, plain_row
from ..rows import DiffEntry, EarlierRow, GraphEntry, LinkRow, NodeRow, ScopeRow, Status
from .dataflow import GraphPairs
from .diff import Comparison


def merged(comparison: Comparison) -> DiffEntry:
    """What the record's section `structure` holds under `diff`: the changes, and one graph of both with a status each.

    `graph` has the format of the structure's own, its nodes and scopes with `status` ("" for unchanged), edges of the
    base among its inputs; it is None where one of the two has no graph.
    """
    changes = [change.to_dict() for change in comparison.changes]
    changed = {change["path"] for change in changes if change["kind"] == "changed"}
    pairs = comparison.graphs
    made: DiffEntry = {"base": comparison.base.fingerprint, "changes": changes, "graph": None}
    if pairs is not None:
        order = _Order(pairs)
        made["graph"] = _merge(order, changed)
        made["links"], made["earlier"] = list(_links(order)), list(_earlier(order))
    return made


def _merge(order: _Order, changed: set[str]) -> GraphEntry:
    pairs = order.pairs
    base, head = pairs.base, pairs.head
    scopes = [
        _scope(scope, scope.parent, "changed" if scope.module in changed else "") for scope in head.scopes
    ]
    known = set(pairs.scopes.values())
    for index, scope in enumerate(scopes):
        if index not in known:
            scope["status"] = "added"
    ghosts = dict(pairs.scopes)
    lost = _around({node.scope for number, node in enumerate(base.nodes) if number not in pairs.nodes}, base)
    for index, entry in enumerate(base.scopes):
        if index not in ghosts and index in lost:
            ghosts[index] = len(scopes)
            scopes.append(_scope(entry, ghosts.get(entry.parent, 0), "removed"))
    return {"nodes": _nodes(order, ghosts), "scopes": scopes, "unused": head.unused}


def _around(scopes: set[int], graph: Graph) -> set[int]:
    """These calls, and those that they were made in."""
    found: set[int] = set()
    for scope in scopes:
        while scope >= 0 and scope not in found:
            found.add(scope)
            scope = graph.scopes[scope].parent
    return found


def _scope(scope: Scope, parent: int, status: Status) -> ScopeRow:
    return {
        "module": scope.module,
        "type": scope.type,
        "call": scope.call,
        "parent": parent,
        "status": status,
    }


class _Order:
    """The head's nodes in order, each removed one of the base right behind the last kept one before it.

    `kept`: head -> base; `base` and `head`: the places of each side's nodes in the graph of both.
    """

    def __init__(self, pairs: GraphPairs) -> None:
        self.pairs = pairs
        self.kept = {right: left for left, right in pairs.nodes.items()}
        behind: dict[int, list[int]] = {}
        last = -1
        for number in range(len(pairs.base.nodes)):
            if number in pairs.nodes:
                last = max(last, pairs.nodes[number])
            else:
                behind.setdefault(last, []).append(number)
        self.all: list[tuple[Status, int]] = [("removed", n) for n in behind.get(-1, [])]
        for number in range(len(pairs.head.nodes)):
            self.all.append(("" if number in self.kept else "added", number))
            self.all += [("removed", n) for n in behind.get(number, [])]
        self.head = {n: place for place, (status, n) in enumerate(self.all) if status != "removed"}
        self.base = {n: place for place, (status, n) in enumerate(self.all) if status == "removed"}
        self.base |= {left: self.head[right] for left, right in pairs.nodes.items()}

    def inputs(self, number: int) -> tuple[list[Source], list[Source]]:
        """What feeds a node that both have, at the base and in the head."""
        old = self.pairs.base.nodes[self.kept[number]].inputs
        new = self.pairs.head.nodes[number].inputs
        return [(self.base[s], slot) for s, slot in old], [(self.head[s], slot) for s, slot in new]


def _nodes(order: _Order, scopes: dict[int, int]) -> list[NodeRow]:
    base, head = order.pairs.base, order.pairs.head
    made: list[NodeRow] = []
    for state, number in order.all:
        status = state
        if state == "removed":
            node, scope = base.nodes[number], scopes[base.nodes[number].scope]
            inputs = [(order.base[source], slot) for source, slot in node.inputs]
        else:
            node, scope = head.nodes[number], head.nodes[number].scope
            inputs = [(order.head[source], slot) for source, slot in node.inputs]
        if state == "":
            old, _ = order.inputs(number)
            inputs += [source for source in dict.fromkeys(old) if source not in inputs]
            status = "changed" if _differs(base, head, order.kept[number], number) else ""
        row = {**plain_row(node), "scope": scope, "inputs": list(map(list, inputs)), "status": status}
        made.append(cast("NodeRow", row))
    return made


def _links(order: _Order) -> Iterator[LinkRow]:
    """Edges between nodes that both have, of which one side knows nothing."""
    both = {order.head[number] for number in order.kept}
    for number in order.kept:
        old, new = map(set, order.inputs(number))
        status: Status
        for status, sources in (("added", new - old), ("removed", old - new)):
            for source, slot in sorted(sources):
                if source in both:
                    yield source, slot, order.head[number], status


def _earlier(order: _Order) -> Iterator[EarlierRow]:
    for number, twin in order.kept.items():
        old, new = order.pairs.base.nodes[twin].attributes, order.pairs.head.nodes[number].attributes
        if old != new and _differs(order.pairs.base, order.pairs.head, twin, number):
            yield {"node": order.head[number], "attributes": dict(old)}


def _differs(base: Graph, head: Graph, left: int, right: int) -> bool:
    def own(node: Node) -> tuple[dict[str, object], list[tuple[int, ...]]]:
        return node.settings, [shape for _, shape in node.params]

    return own(base.nodes[left]) != own(head.nodes[right])

"""Base and head in one graph: what the report draws green, red and amber. `status` is added, removed, changed or ""."""

from __future__ import annotations

from typing import cast

from .dataflow import GraphPairs
from .diff import Comparison
from .graph import Graph, Node, Scope
from .rows import DiffEntry, GraphEntry, NodeRow, ScopeRow, Status


def merged(comparison: Comparison) -> DiffEntry:
    """What the record's section `structure` holds under `diff`: the changes, and one graph of both with a status each.

    `graph` has the format of the structure's own, its nodes and scopes with `status` ("" for unchanged); it is None
    where one of the two has no graph.
    """
    changes = [change.to_dict() for change in comparison.changes]
    changed = {change["path"] for change in changes if change["kind"] == "changed"}
    pairs = comparison.graphs
    graph = _merge(pairs, changed) if pairs is not None else None
    return {"base": comparison.base.fingerprint, "changes": changes, "graph": graph}


def _merge(pairs: GraphPairs, changed: set[str]) -> GraphEntry:
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
    return {"nodes": _nodes(pairs, ghosts), "scopes": scopes, "unused": head.unused}


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


def _nodes(pairs: GraphPairs, scopes: dict[int, int]) -> list[NodeRow]:
    """The head's nodes in order, each removed one of the base right behind the last kept one before it."""
    base, head = pairs.base, pairs.head
    kept = {right: left for left, right in pairs.nodes.items()}
    behind: dict[int, list[int]] = {}
    last = -1
    for number in range(len(base.nodes)):
        if number in pairs.nodes:
            last = max(last, pairs.nodes[number])
        else:
            behind.setdefault(last, []).append(number)
    order = [("removed", n) for n in behind.get(-1, [])]
    for number in range(len(head.nodes)):
        order.append(("kept" if number in kept else "added", number))
        order += [("removed", n) for n in behind.get(number, [])]
    place = {("base" if state == "removed" else "head", n): i for i, (state, n) in enumerate(order)}
    for left, right in pairs.nodes.items():
        place["base", left] = place["head", right]
    made: list[NodeRow] = []
    for state, number in order:
        side, graph = ("base", base) if state == "removed" else ("head", head)
        node = graph.nodes[number]
        inputs = [[place[side, source], slot] for source, slot in node.inputs]
        if state == "kept":  # what a removed one gave it
            ghost = [
                (place["base", s], slot)
                for s, slot in base.nodes[kept[number]].inputs
                if s not in pairs.nodes
            ]
            inputs += [list(pair) for pair in ghost]
        scope = scopes[node.scope] if state == "removed" else node.scope
        status = {"kept": "", "added": "added", "removed": "removed"}[state]
        if state == "kept" and _differs(base, head, kept[number], number):
            status = "changed"
        row = {**vars(node), "scope": scope, "inputs": inputs, "status": status}
        made.append(cast("NodeRow", row))
    return made


def _differs(base: Graph, head: Graph, left: int, right: int) -> bool:
    def own(node: Node) -> tuple[dict[str, object], list[tuple[int, ...]]]:
        return node.settings, [shape for _, shape in node.params]

    return own(base.nodes[left]) != own(head.nodes[right])

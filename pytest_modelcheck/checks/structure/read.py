"""A structure read back from what `to_dict()` put into a record. Needs no torch; the record may be anyone's."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ModelCheckError
from .checkpoint import State
from .graph import Graph, Node, Scope
from .node import ModuleNode
from .result import Structure
from .rows import GraphEntry, ModuleRow, NodeRow, StructureEntry


def read_structure(name: str, section: StructureEntry) -> Structure | None:
    """The structure that a section describes; None where it describes none (an error, an older record).

    Raises ModelCheckError where the section holds what no tracer writes.
    """
    rows = section.get("modules") or []
    if not rows or any("shapes" not in row for row in rows):
        return None
    try:
        modules = tuple(map(_module, rows))
        drawn = section.get("graph")
        graph = _graph(drawn) if drawn else None
        held = section.get("state")
        state = State.from_dict(held) if held else None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelCheckError(f"{name}: the structure in the record is damaged: {error}") from error
    if modules[0].name or len({module.name for module in modules}) < len(modules):
        raise ModelCheckError(f"{name}: the structure in the record is damaged: its modules are no tree")
    return Structure(name, modules, graph, state=state)


def graph_problem(graph: GraphEntry, *, ordered: bool = True) -> str:
    """What is wrong with the numbers by which nodes and scopes name each other; empty if nothing is.

    `ordered`: each node comes after its inputs, as in a traced graph; in one of two revisions it need not.
    """
    nodes, scopes = graph["nodes"], graph["scopes"]
    for number, scope in enumerate(scopes):
        if not (0 <= scope["parent"] < number or number == 0 > scope["parent"]):
            return f"scope {number} is in scope {scope['parent']}"
    for number, node in enumerate(nodes):
        if not 0 <= node["scope"] < len(scopes):
            return f"node {number} is in scope {node['scope']} of {len(scopes)}"
        for source, slot in node["inputs"]:
            if not 0 <= source < (number if ordered else len(nodes)):
                return f"node {number} reads node {source}"
            if not 0 <= slot < max(1, len(nodes[source]["shapes"])):
                return f"node {number} reads output {slot} of node {source}"
    return ""


def _module(row: ModuleRow) -> ModuleNode:
    return ModuleNode(
        row["name"],
        row["type"],
        row["depth"],
        row["attributes"],
        row["params"],
        row["own_params"],
        row["frozen"],
        shapes=tuple((name, tuple(shape)) for name, shape in row["shapes"]),
        settings=dict(row.get("settings") or {}),
        buffers=_names(row.get("buffers")),
    )


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return tuple(names) if names is not None else None


def _graph(graph: GraphEntry) -> Graph:
    problem = graph_problem(graph)
    if problem:
        raise ValueError(problem)
    scopes = tuple(Scope(s["module"], s["type"], s["call"], s["parent"]) for s in graph["scopes"])
    held = dict(graph.get("held") or {})
    return Graph(tuple(map(_node, graph["nodes"])), scopes, graph.get("unused", 0), held)


def _node(node: NodeRow) -> Node:
    return Node(
        node["operator"],
        node["scope"],
        inputs=tuple((source, slot) for source, slot in node["inputs"]),
        attributes=dict(node["attributes"]),
        params=tuple((name, tuple(shape)) for name, shape in node["params"]),
        shapes=_shapes(node["shapes"]),
        dtypes=tuple(node["dtypes"]),
        dynamic=node["dynamic"],
        places=_places(node),
        unseen=bool(node.get("unseen")),
    )


def _shapes(shapes: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, shapes))


def _places(node: NodeRow) -> tuple[str, ...]:
    places = tuple(node.get("places") or ())
    if places and len(places) != len(node["inputs"]) + len(node["params"]):
        raise ValueError(f"{node['operator']} has {len(places)} places for its operands")
    return places

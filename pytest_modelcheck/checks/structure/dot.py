"""Graphviz text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ...text import printable
from .graph import AutogradNode, Graph, Node


def graph_to_dot(name: str, graph: Graph | None) -> str:
    """Operators as boxes, module calls as clusters, shapes on the edges."""
    lines = [
        f"digraph {_quoted(name)} {{",
        '  graph [fontname="sans-serif", labeljust=l]; node [shape=box, fontname="sans-serif"];',
        '  edge [fontname="sans-serif"];',
    ]
    if graph is not None:
        lines += _cluster(graph, 0, "  ")
        for number, node in enumerate(graph.nodes):
            for source, slot in dict.fromkeys(node.inputs):
                shape = "×".join(map(str, graph.nodes[source].shapes[slot]))
                lines.append(f"  n{source} -> n{number} [label={_quoted(shape)}];")
    return "\n".join([*lines, "}"])


def _cluster(graph: Graph, scope: int, indent: str) -> list[str]:
    lines = [
        f"{indent}n{number} [label={_quoted(_label(node))}];"
        for number, node in enumerate(graph.nodes)
        if node.scope == scope
    ]
    for inner, entry in enumerate(graph.scopes):
        if entry.parent == scope:
            title = f"{entry.module} {entry.type}"
            lines += [
                f"{indent}subgraph cluster_{inner} {{ label={_quoted(title)};",
                *_cluster(graph, inner, indent + "  "),
                f"{indent}}}",
            ]
    return lines


def _label(node: Node) -> str:
    told = ", ".join(f"{key}={value}" for key, value in node.attributes.items())
    return f"{node.operator}\n{told}" if told else node.operator


def autograd_to_dot(nodes: Sequence[AutogradNode], parameters: Mapping[str, str]) -> str:
    """Backward functions as boxes, parameters blue above them; what gets no gradient stands beside, dashed."""
    lines = [
        "digraph autograd {",
        '  graph [fontname="sans-serif", labeljust=l]; node [shape=box, fontname="sans-serif"];',
    ]
    for number, node in enumerate(nodes):
        label = f"{node.parameter}\n{'×'.join(map(str, node.shape))}" if node.parameter else node.function
        style = ", style=filled, fillcolor=lightblue" if node.parameter else ""
        lines.append(f"  n{number} [label={_quoted(label)}{style}];")
        lines += [f"  n{feed} -> n{number};" for feed in node.feeds]
    left = [f"{name} ({state})" for name, state in parameters.items() if state != "trained"]
    if left:
        lines.append('  subgraph cluster_left { label="without a gradient"; style=dashed;')
        lines += [f"    p{index} [label={_quoted(text)}, style=dashed];" for index, text in enumerate(left)]
        lines += [f"    p{index} -> p{index + 1} [style=invis];" for index in range(len(left) - 1)]
        lines.append("  }")
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return json.dumps(printable(text, keep="\n"), ensure_ascii=False)

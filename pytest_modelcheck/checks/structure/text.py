"""The module tree, and the operators that have no module of their own, as text for a diff."""

from __future__ import annotations

from ...text import printable
from .graph import Graph
from .node import ModuleNode
from .result import Structure


def to_text(structure: Structure) -> str:
    """One line for each module, settings and parameter shapes in it; below it the operators that it calls itself."""
    calls = _calls(structure.graph) if structure.graph is not None else {}
    lines = []
    for module in structure.modules:
        indent = "  " * module.depth
        lines.append(indent + _module_line(module))
        own = calls.get(module.name, [])
        if len(own) > 1 or module.depth == 0 or not module.shapes:
            lines += [f"{indent}  . {call}" for call in own]
    lines += [
        "",
        f"tree   {structure.tree_fingerprint[:16]}",
        f"graph  {(structure.graph_fingerprint or 'none')[:16]}",
    ]
    return "".join(printable(line).rstrip() + "\n" for line in lines)


def _module_line(module: ModuleNode) -> str:
    settings = [f"{name}={value}" for name, value in module.settings.items()]
    shapes = [f"{name} {'×'.join(map(str, shape)) or 'scalar'}" for name, shape in module.shapes]
    label = module.name.rpartition(".")[2] or "(the model)"
    told = f"({', '.join(settings)})" if settings else ""
    return f"{label}: {module.type}{told}{'  ' if shapes else ''}{', '.join(shapes)}"


def _calls(graph: Graph) -> dict[str, list[str]]:
    """The operators that each module calls itself, in order, with their attributes."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes:
        shapes = ", ".join("×".join(map(str, shape)) or "scalar" for shape in node.shapes)
        told = ", ".join(f"{key}={value}" for key, value in node.attributes.items())
        line = f"{node.operator}({told}) -> {'(depends on the data)' if node.dynamic else shapes}"
        found.setdefault(graph.path(node), []).append(line)
    return found

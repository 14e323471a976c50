"""The panels of structure and of gradients: the viewer's graph, and all of it as lists for those without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ...drawing.html import generic, packed
from ...drawing.panel import Panel

STILL = 200_000  # characters of a picture

if TYPE_CHECKING:
    from markupsafe import Markup

    from ...records.section import Spread
    from .rows import AutogradContent, Drawing, ModuleRow, Nested, StructureEntry


def _diagram(
    content: StructureEntry | Drawing, costs: Mapping[str, int], spreads: Iterable[Spread] = ()
) -> str | None:
    """What the viewer draws from; None without a graph."""
    from .payload import payload

    made = payload(content, costs, spreads)
    return packed(made) if made is not None else None


def _autograd_diagram(autograd: AutogradContent, subject: Mapping[str, StructureEntry]) -> str | None:
    """The same for autograd's graph, its boxes named by the modules."""
    modules = subject.get("structure", {}).get("modules", [])
    return _diagram({"graph": autograd["graph"], "modules": modules}, {})


def _picture(content: StructureEntry) -> Markup | None:
    """The graph as a still picture, opened as far as it stays of a moderate size; None without one."""
    from .diagram import Diagram
    from .picture import svg

    if not content.get("graph"):
        return None
    diagram = Diagram(content)
    texts = (svg(diagram, depth) for depth in (1, 0))
    small = next((text for text in texts if len(text) <= STILL), None)
    return generic("still", small, "the operators and what flows between them") if small else None


def _nested(modules: list[ModuleRow]) -> list[Nested]:
    """The flat module list as a tree: each node a copy with its `children`."""
    nodes: dict[str, Nested] = {m["name"]: {**m, "children": []} for m in modules}
    roots: list[Nested] = []
    for name, node in nodes.items():
        parent = nodes.get(name.rpartition(".")[0]) if name else None
        (parent["children"] if parent is not None else roots).append(node)
    return roots


def _functions() -> Mapping[str, Callable[..., object]]:
    from .told import told

    return {
        "diagram": _diagram,
        "autograd_diagram": _autograd_diagram,
        "nested": _nested,
        "picture": _picture,
        "told": told,
    }


PANEL = Panel(__package__, "panel.html.j2", functions=_functions, style="panel.css", script="script/panel.js")
AUTOGRAD_PANEL = Panel(__package__, "autograd.html.j2", functions=_functions)

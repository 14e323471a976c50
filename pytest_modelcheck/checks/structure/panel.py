"""The panels of structure and of gradients: the viewer's graph, and all of it as lists for those without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ...drawing.html import packed
from ...drawing.panel import Panel

if TYPE_CHECKING:
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
        "told": told,
    }


PANEL = Panel(__package__, "panel.html.j2", functions=_functions, style="panel.css", script="script/panel.js")
AUTOGRAD_PANEL = Panel(__package__, "autograd.html.j2", functions=_functions)

"""The section `structure` and its sister `autograd`: their types, and how they are made, drawn and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

from ...records.section import Section
from .changes import COMPARISON, ChangeRow, aligned
from .panel import AUTOGRAD_PANEL, PANEL

if TYPE_CHECKING:
    from ...model.subject import Subject

Shape: TypeAlias = list[int]
Status: TypeAlias = Literal["", "added", "removed", "changed"]


class ModuleRow(TypedDict):
    """A module of the tree, with its settings and the shapes of its own parameters."""

    name: str
    type: str
    depth: int
    attributes: str
    params: int
    own_params: int
    frozen: bool
    shapes: list[tuple[str, Shape]]
    settings: dict[str, object]


class NodeRow(TypedDict):
    """An operator's call: `inputs` are (node, output) pairs."""

    operator: str
    scope: int
    inputs: list[tuple[int, int]]
    attributes: dict[str, object]
    params: list[tuple[str, Shape]]
    shapes: list[Shape]
    dtypes: list[str]
    dynamic: bool
    status: NotRequired[Status]


class ScopeRow(TypedDict):
    """A module's call, in the scope of the one that called it."""

    module: str
    type: str
    call: int
    parent: int
    status: NotRequired[Status]


class GraphEntry(TypedDict):
    """Operators in the order of their calls."""

    nodes: list[NodeRow]
    scopes: list[ScopeRow]
    unused: int


class DiffEntry(TypedDict):
    """Base and head in one graph."""

    base: str
    changes: list[ChangeRow]
    graph: GraphEntry | None


class StructureEntry(TypedDict):
    """What `Structure.to_dict()` gives; `diff` where a base was compared."""

    fingerprint: NotRequired[str]
    modules: NotRequired[list[ModuleRow]]
    graph: NotRequired[GraphEntry | None]
    reason: NotRequired[str | None]
    diff: NotRequired[DiffEntry]


class AutogradEntry(TypedDict):
    """What a test's `structure(autograd=True)` found."""

    parameters: dict[str, str]


def _describe(subject: Subject) -> dict[str, Any]:
    from .measure import describe

    return describe(subject).to_dict()


def _problem(content: Mapping[str, Any]) -> str:
    """Graphs whose nodes and scopes name each other by wrong numbers: drawing them might never end."""
    from .read import graph_problem

    for graph, ordered in ((content.get("graph"), True), (content.get("diff", {}).get("graph"), False)):
        found = graph_problem(graph, ordered=ordered) if graph else ""
        if found:
            return found
    return ""


STRUCTURE = Section(
    "structure",
    _describe,
    tab="graph",
    title="Structure",
    type=StructureEntry,
    panel=PANEL,
    changes=COMPARISON,
    align=aligned,
    problem=_problem,
)
AUTOGRAD = Section("autograd", tab="graph", title="Gradients", type=list[AutogradEntry], panel=AUTOGRAD_PANEL)

"""The section `structure` and its sister `autograd`: how they are made, drawn and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...records.section import Section
from ...verdict.metric import Definition
from .changes import COMPARISON, aligned
from .panel import AUTOGRAD_PANEL, PANEL
from .rows import AutogradEntry, StructureEntry

if TYPE_CHECKING:
    from ...model.subject import Subject


def _describe(subject: Subject) -> StructureEntry:
    from .measure import describe

    return describe(subject).to_dict()


def _problem(content: StructureEntry) -> str:
    """Graphs whose nodes and scopes name each other by wrong numbers: drawing them might never end."""
    from .read import graph_problem

    diff = content.get("diff")
    for graph, ordered in ((content.get("graph"), True), (diff.get("graph") if diff else None, False)):
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
    steady=True,
    problem=_problem,
    definition=Definition(2, "0.1"),  # operands have places
)
AUTOGRAD = Section(
    "autograd", tab="graph", title="Gradients", type=list[AutogradEntry], panel=AUTOGRAD_PANEL, steady=True
)

"""The section `compile`: what torch.compile made of a subject, and how two records compare."""

from __future__ import annotations

from ...drawing.panel import Panel
from ...records.section import Section
from .changes import COMPARISON, CompileEntry

COMPILE = Section(
    "compile",
    tab="graph",
    title="torch.compile",
    type=list[CompileEntry],
    panel=Panel(__package__, "panel.html.j2", style="panel.css"),
    changes=COMPARISON,
)

"""The panel of complexity."""

from __future__ import annotations

from ...drawing.panel import Panel

PANEL = Panel(__package__, "panel.html.j2")

"""The panel of peak memory, with the bytes alive over a phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...drawing.panel import Panel
from ...text import printable
from ...verdict.units import BYTES

if TYPE_CHECKING:
    from markupsafe import Markup


def _timeline(memory: Mapping[str, Any]) -> Markup:
    """The bytes alive over the phase, and its worst moment."""
    from markupsafe import Markup

    from .timeline import timeline_plot

    peak = memory["peak_operator"], memory["total"]
    stays = memory["parameters"] + memory["inputs"] + memory["optimizer_state"]
    parts, end = memory["parts"], memory["operators"]
    where = printable(memory["where"])
    return Markup(timeline_plot(memory["timeline"], peak, stays, parts, end, BYTES.format, where))


PANEL = Panel(__package__, "panel.html.j2", functions=lambda: {"timeline": _timeline}, style="panel.css")

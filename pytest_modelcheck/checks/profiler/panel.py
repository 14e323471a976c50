"""The panel of profiles, with one step on the time axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...drawing.panel import Panel

if TYPE_CHECKING:
    from markupsafe import Markup

    from .step import Step


def _flame(step: Step) -> Markup:
    from markupsafe import Markup

    from .flame import flame_plot

    return Markup(flame_plot(step))


PANEL = Panel(__package__, "panel.html.j2", functions=lambda: {"flame": _flame}, style="panel.css")

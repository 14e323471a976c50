"""The panel of peak memory, with the bytes alive over a phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...drawing.panel import Panel
from ...text import printable
from ...verdict.phases import PHASES
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


Entry = Mapping[str, Any]


def _by_phase(section: Sequence[Entry]) -> list[Entry]:
    """In the order of a step; what no test measured gives way to what one did."""
    tested = {entry["phase"] for entry in section if entry["nodeid"]}
    shown = [entry for entry in section if entry["nodeid"] or entry["phase"] not in tested]
    return sorted(shown, key=lambda entry: _place(entry["phase"]))


def _place(phase: str) -> int:
    return PHASES.index(phase) if phase in PHASES else len(PHASES)


def _functions() -> Mapping[str, Callable[..., object]]:
    return {"timeline": _timeline, "by_phase": _by_phase}


PANEL = Panel(__package__, "panel.html.j2", functions=_functions, style="panel.css")

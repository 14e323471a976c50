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


def _by_phase(section: Sequence[Entry]) -> list[tuple[Entry, list[str]]]:
    """Phase by phase in the order of a step; what several tests measured alike is one, with the tests that did.

    What no test measured gives way to what one did.
    """
    tested = {entry["phase"] for entry in section if entry["nodeid"]}
    found: dict[tuple[object, ...], tuple[Entry, list[str]]] = {}
    for entry in section:
        if entry["nodeid"] or entry["phase"] not in tested:
            key = tuple(entry[name] for name in ("phase", "optimizer", "total", "where", "allocated"))
            nodeids = found.setdefault(key, (entry, []))[1]
            nodeids += [entry["nodeid"]] if entry["nodeid"] else []
    return sorted(found.values(), key=lambda pair: _place(pair[0]["phase"]))


def _place(phase: str) -> int:
    return PHASES.index(phase) if phase in PHASES else len(PHASES)


def _functions() -> Mapping[str, Callable[..., object]]:
    return {"timeline": _timeline, "by_phase": _by_phase}


PANEL = Panel(__package__, "panel.html.j2", functions=_functions, style="panel.css")

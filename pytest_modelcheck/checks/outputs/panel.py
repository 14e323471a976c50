"""The panels of outputs and of drift, and what their plots are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...drawing.panel import Panel
from ...records.plain import number


def _curve(drift: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the plot takes: errors in the order of the calls, and the first module; None below two modules."""
    known = [one for one in drift["modules"] if number(one["error"]) is not None]
    if len(known) < 2:
        return None
    first = next((i for i, one in enumerate(known) if one["module"] == drift["first_module"]), None)
    return {
        "x": list(range(1, len(known) + 1)),
        "errors": [one["error"] for one in known],
        "mark": None if first is None else (first + 1, known[first]["module"] or "(the model itself)"),
    }


def _functions() -> Mapping[str, Callable[..., object]]:
    return {"curve": _curve}


OUTPUTS_PANEL = Panel(__package__, "outputs.html.j2", style="panel.css")
EVIDENCE = Panel(__package__, "evidence.html.j2")
DRIFT_PANEL = Panel(__package__, "panel_drift.html.j2", functions=_functions, style="panel.css")

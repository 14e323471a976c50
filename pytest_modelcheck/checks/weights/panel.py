"""The panels of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from ...drawing.panel import Panel


class Counts(TypedDict):
    """What is drawn of a histogram."""

    counts: list[int]


def _histogram_path(histogram: Counts, width: int = 128, height: int = 24) -> str:
    """An SVG path of the counts, as steps."""
    counts = histogram["counts"]
    top = max(counts, default=0) or 1
    step = width / max(len(counts), 1)
    steps = [f"V{height - round(count / top * height)}h{step:g}" for count in counts]
    return f"M0 {height}{''.join(steps)}V{height}z"


def _functions() -> Mapping[str, Callable[..., object]]:
    return {"histogram": _histogram_path}


PANEL = Panel(__package__, "panel.html.j2", functions=_functions)
COMPARED_PANEL = Panel(__package__, "compared.html.j2", functions=_functions)

"""What the panels of explanation compute: lines of a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def per_sample(
    rows: Sequence[Sequence[float]], targets: Sequence[str], most: int = 8
) -> dict[str, list[float]]:
    """Lines of a plot from rows of one value per sample; with many samples, the mean and the extremes."""
    columns = list(zip(*rows, strict=True))
    if len(columns) <= most:
        return {f"input {i}, {_target(targets[i])}": list(column) for i, column in enumerate(columns)}
    return {
        "mean": [sum(row) / len(row) for row in rows],
        "lowest": [min(row) for row in rows],
        "highest": [max(row) for row in rows],
    }


def _target(name: str) -> str:
    """A class, a group of them, or a callable's name."""
    return f"class {name}" if name[:1].isdigit() or name[:1] == "(" else name


def judged(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """A heatmap's figures, and those of the maps that know nothing."""
    return {"this map": found, **{f"{name} map": one for name, one in found.get("baselines", {}).items()}}


def curves(maps: Mapping[str, Mapping[str, Any]], of: str) -> dict[str, list[float]]:
    """Lines of a plot: that curve of each map."""
    return {name: one[of] for name, one in maps.items()}


MADE = {
    "softmax": "softmax of the output",
    "sigmoid": "sigmoid of the output",
    "given": "as the model gives it",
}


def made(how: str) -> str:
    """How a probability was made of the output, in words; a callable by its name."""
    return MADE.get(how, f"by {how}") if how else ""

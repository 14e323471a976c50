"""What the panels of explanation compute: lines of a plot."""

from __future__ import annotations

from collections.abc import Sequence


def per_sample(
    rows: Sequence[Sequence[float]], targets: Sequence[str], most: int = 8
) -> dict[str, list[float]]:
    """Lines of a plot from rows of one value per sample; with many samples, the mean and the extremes."""
    columns = list(zip(*rows, strict=True))
    if len(columns) <= most:
        return {f"input {i}, class {targets[i]}": list(column) for i, column in enumerate(columns)}
    return {
        "mean": [sum(row) / len(row) for row in rows],
        "lowest": [min(row) for row in rows],
        "highest": [max(row) for row in rows],
    }

"""Nested values that end: what a model takes and gives is walked through many times, each time to its end."""

from __future__ import annotations

from torch import Tensor

from ..errors import MeasurementError

DEEPEST = 100  # containers within each other
MOST = 10**6  # values in all


def endless(value: object) -> str:
    """Why nobody comes to the end of a value; "" where that is near."""
    if isinstance(value, Tensor):
        return ""
    left: list[tuple[object, int]] = [(value, 0)]
    met = 0
    while left:
        value, depth = left.pop()
        if depth > DEEPEST:
            return f"holds itself, or is nested more than {DEEPEST} deep"
        inside = _inside(value)
        met += len(inside)
        if met > MOST:
            return f"holds more than {MOST:,} values"
        left += [(part, depth + 1) for part in inside if not isinstance(part, Tensor)]
    return ""


def refuse_endless(value: object, what: str) -> None:
    """Raise MeasurementError for a value that nobody can walk through."""
    why = endless(value)
    if why:
        raise MeasurementError(
            f"{what} {why}: it cannot be looked through.\n"
            "Give tensors in lists, tuples or mappings, or a model around this one that does."
        )


def _inside(value: object) -> list[object]:
    if isinstance(value, (list, tuple)):
        return [*value]
    return [*value.values()] if isinstance(value, dict) else []

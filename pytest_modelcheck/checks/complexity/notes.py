"""What must be said beside the figures of a count, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...verdict.measurement import ROOT

SHOWN = 8  # names in a line


def loops(found: Mapping[str, int]) -> str:
    """Loops of which one turn was counted; "" if there are none."""
    places = [f"{n} in {name or ROOT}" if n > 1 else name or ROOT for name, n in found.items()]
    return (
        f"while_loop counted per turn, one of as many as the data ask for: {_some(places)}" if places else ""
    )


def left_torch(places: Iterable[str]) -> str:
    """Where tensors became arrays, whose operations nobody counts."""
    found = list(places)
    return f"left torch, and what is computed there is not counted: {_some(found)}" if found else ""


def merged(found: Mapping[str, str]) -> str:
    """Modules whose cost is in another one's row."""
    within: dict[str, int] = {}
    for whole in found.values():
        within[whole] = within.get(whole, 0) + 1
    parts = [f"{n} module{'s' * (n != 1)} within {name or ROOT}" for name, n in within.items()]
    return (
        f"cannot be told apart (TorchScript), all of their cost is in that row: {_some(parts)}"
        if parts
        else ""
    )


def used(found: Mapping[str, str]) -> str:
    """Modules that others use without calling them."""
    parts = [f"{name or ROOT} (in {owner or ROOT})" for name, owner in found.items()]
    return (
        f"used through their weights, by the module whose row has the cost: {_some(parts)}" if parts else ""
    )


def elsewhere(names: Iterable[str]) -> str:
    """Modules that ran where the counter sees nothing."""
    found = [name or ROOT for name in names]
    return f"not counted, since they ran on another thread: {_some(found)}" if found else ""


def uncalled(names: Iterable[str]) -> str:
    """Modules that never ran."""
    found = [name or ROOT for name in names]
    return f"never called: {', '.join(found)}" if found else ""


def _some(parts: list[str]) -> str:
    more = f" and {len(parts) - SHOWN} more" if len(parts) > SHOWN else ""
    return ", ".join(parts[:SHOWN]) + more

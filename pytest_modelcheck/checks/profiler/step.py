"""One step of a profile as bars on the time axis: modules, and within them the operators that they call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from .original import Event

MODULE = "module: "  # begins the name of a module's range
STEP = "ProfilerStep"  # begins the name of a step of a loop
MOST, DEEPEST = 300, 8  # bars of the record, and how many rows


class Bar(TypedDict):
    """A call: `kind` is "module" or "operator", `depth` how many calls it is within; seconds from the step's begin."""

    kind: str
    name: str
    depth: int
    start: float
    seconds: float


class Step(TypedDict):
    """The calls of a step that took the most time, in the order of their begin; `left_out`: how many did not fit."""

    seconds: float
    bars: list[Bar]
    left_out: int


def first_step(events: Iterable[Event]) -> Step:
    """The first step of a loop, or all of a call, on the thread where it began."""
    ordered = sorted((e for e in events if not e.is_async), key=lambda e: e.time_range.start)
    root = next((e for e in ordered if e.name.startswith(STEP)), None)
    calls = [(e, _above(e)) for e in ordered if _is_bar(e) and (root is None or root in parents(e))]
    calls = [(event, above) for event, above in calls if event.thread == calls[0][0].thread]
    if not calls:
        return {"seconds": 0.0, "bars": [], "left_out": 0}
    begin = calls[0][0].time_range.start
    bars = [_bar(event, above, begin) for event, above in calls]
    drawn = sorted((b for b in bars if b["depth"] < DEEPEST), key=lambda b: -b["seconds"])[:MOST]
    return {
        "seconds": max(bar["start"] + bar["seconds"] for bar in bars),
        "bars": sorted(drawn, key=lambda bar: (bar["start"], bar["depth"])),
        "left_out": len(bars) - len(drawn),
    }


def _is_bar(event: Event) -> bool:
    """A module, or an operator that no operator calls."""
    if _is_module(event):
        return True
    return "::" in event.name and not any("::" in p.name and not _is_module(p) for p in parents(event))


def _is_module(event: Event) -> bool:
    return event.name.startswith(MODULE)


def _above(event: Event) -> int:
    return sum(_is_module(parent) for parent in parents(event))


def _bar(event: Event, depth: int, begin: float) -> Bar:
    return {
        "kind": "module" if _is_module(event) else "operator",
        "name": event.name.removeprefix(MODULE),
        "depth": depth,
        "start": (event.time_range.start - begin) * 1e-6,
        "seconds": event.cpu_time_total * 1e-6,
    }


def parents(event: Event) -> Iterator[Event]:
    """What called, the closest first."""
    parent = event.cpu_parent
    while parent is not None:
        yield parent
        parent = parent.cpu_parent

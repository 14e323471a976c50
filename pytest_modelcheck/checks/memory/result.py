"""Peak memory: the worst moment, what was alive then, and how it came to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from ...errors import unsaved_text
from ...text import first_line_repr
from ...verdict.units import BYTES
from ..reported import Reported
from .live import ACTIVATION, BACKWARD, STEP, Event

SHOWN = 240  # points of the timeline in the record: enough to draw
KINDS = ("activations", "parameters", "inputs", "gradients", "optimizer_state")


@dataclass(frozen=True)
class PeakMemory(Reported):
    """Bytes of tensors that were alive at the worst moment of one phase, by kind; `parameters` holds buffers too.

    `at` is the module that was running ("": the model itself, or the optimiser), `during` the part of the phase:
    "forward", "backward" or "optimizer step", `peak_operator` the operators run by then. `saved` are the activations
    that the forward left for the backward. `timeline` holds (operators run so far, bytes alive) for each change,
    `parts` where each part begins, `holders` the activations alive at the peak by the module that made them, `owners`
    all that was alive then by kind and module: of parameters, gradients and optimizer state the parameter's own.
    `counted_on` is "fake" (nothing was computed) or "real", for a `reason`. `allocated` is what the allocator itself
    had given out at its own worst moment of a real call, parameters and inputs included; kernels' scratch is in it.
    None where it was not asked. `unseen`: why the figure says nothing of the model, where its work was out of sight.
    """

    section = "memory"

    phase: str
    activations: int
    parameters: int
    inputs: int
    gradients: int
    optimizer_state: int
    saved: int
    at: str
    during: str
    peak_operator: int
    timeline: tuple[tuple[int, int], ...]
    parts: tuple[tuple[str, int], ...]
    operators: int
    holders: dict[str, int]
    owners: dict[tuple[str, str], int]
    counted_on: str
    reason: str | None = None
    optimizer: str | None = None
    allocated: int | None = None
    allocator: str | None = None
    unseen: str = ""
    unsaved: tuple[str, ...] = ()  # what the model keeps and no check can put back
    details: str = ""  # the reason at length, where it is cut

    @property
    def total(self) -> int:
        """All kinds together."""
        return sum(getattr(self, kind) for kind in KINDS)

    @property
    def where(self) -> str:
        """In words."""
        if self.during == STEP:
            return "the optimizer's step"
        module = self.at or "the model itself"
        return module if self.phase == "forward" else f"{module}, {self.during}"

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        rows = [
            f"  {kind.replace('_', ' '):<16}{BYTES.format(getattr(self, kind)):>12}"
            for kind in KINDS
            if getattr(self, kind)
        ]
        if self.phase != "forward":
            rows.append(f"  {'saved by forward':<16}{BYTES.format(self.saved):>12}")
        if self.allocated is not None:
            rows.append(f"  {'allocated':<16}{BYTES.format(self.allocated):>12}  ({self.allocator})")
        rows += filter(None, [unsaved_text(self.unsaved)])
        return "\n".join([f"peak memory ({self.phase}) {BYTES.format(self.total)}, at {self.where}", *rows])

    def to_dict(self) -> dict[str, object]:
        """For the record: the timeline thinned to a few hundred points, the peak among them."""
        own = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("timeline", "holders", "owners")
        }
        holders = sorted(self.holders.items(), key=lambda pair: -pair[1])[:10]
        return {
            **own,
            "total": self.total,
            "where": self.where,
            "timeline": thinned(self.timeline),
            "holders": [{"module": name, "bytes": size} for name, size in holders],
        }


def worst(events: Sequence[Event], only: str | None = None) -> tuple[int, dict[tuple[str, str], int]]:
    """The event after which most is alive: its index, and the bytes then by kind and module.

    `only`: look at this part of the phase alone.
    """
    live = peak = 0
    index = 0
    for i, event in enumerate(events):
        live += event.size
        if live > peak and only in (None, event.during):
            peak, index = live, i
    owners: dict[tuple[str, str], int] = {}
    for event in events[: index + 1]:
        owner = event.kind, event.module
        owners[owner] = owners.get(owner, 0) + event.size
    return index, {owner: size for owner, size in owners.items() if size > 0}


def timeline(events: Sequence[Event]) -> tuple[tuple[int, int], ...]:
    """(operators so far, bytes alive) after each event; of events at the same operator the highest."""
    points: dict[int, int] = {}
    live = 0
    for event in events:
        live += event.size
        points[event.operators] = max(points.get(event.operators, 0), live)
    return tuple(points.items())


def left_for_backward(events: Sequence[Event]) -> int:
    """Activations that are alive when the backward begins; 0 without one."""
    if not any(event.during == BACKWARD for event in events):
        return 0
    before = [e for e in events if e.during == "forward" and e.kind == ACTIVATION]
    return sum(event.size for event in before)


def thinned(points: Sequence[tuple[int, int]], most: int = SHOWN) -> list[list[int]]:
    """At most about `most` points: of each run of neighbours the lowest and the highest."""
    run = max(1, -(-2 * len(points) // most))
    if run <= 2:
        return [list(point) for point in points]
    kept: list[list[int]] = []
    for start in range(0, len(points), run):
        chunk = points[start : start + run]
        ends = {min(chunk, key=lambda p: p[1]), max(chunk, key=lambda p: p[1])}
        kept += [list(point) for point in sorted(ends)]
    return kept

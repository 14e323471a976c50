"""Where two runs begin to be apart: the first module whose output is, while all that came before is not.

Rounding differs too, and grows on its way: what is apart counts by how much more it is so than anything before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...verdict.measurement import ROOT
from .align import aligned
from .modules import Call, Trace
from .sketch import Sketch

STEPS = 16  # of the dtype's precision: what one operator's rounding may differ by
GROWTH = 100  # how many times as far apart one step may leave what was apart before
SMALL = 1e-4  # outputs that are apart by less may be so by rounding alone, and
SHRINKS = 1_000  # what is so many times as far apart within is another way to the same


@dataclass(frozen=True)
class Apart:
    """How far the output of one call is apart, and what it was given; None where there is nothing to compare."""

    module: str
    call: int
    error: float | None
    received: float | None


class Origin(NamedTuple):
    """`who` is the first, and how far apart at most anything before was: `seen`."""

    who: str
    seen: float


class Course:
    """Two traces side by side: `own` and `other`, whose modules have names of their own."""

    def __init__(self, own: Trace, other: Trace) -> None:
        self.own = own
        paths = aligned(other.tree, own.tree)
        calls = {(paths.get(call.path), call.number): call for call in other.calls}
        self.twins: Sequence[Call | None] = [calls.get((call.path, call.number)) for call in own.calls]

    @property
    def tolerance(self) -> float:
        """What outputs may be apart by in one operator's rounding."""
        return (
            STEPS * max(_precision(call.gave, twin.gave) for call, twin in self._both) if self._both else 0.0
        )

    @property
    def _both(self) -> list[tuple[Call, Call]]:
        return [
            (call, twin) for call, twin in zip(self.own.calls, self.twins, strict=True) if twin is not None
        ]

    @property
    def rows(self) -> Iterator[Apart]:
        """Of each call that both have, in the order in which they end."""
        for place, ends in self.own.moments:
            twin, call = self.twins[place], self.own.calls[place]
            if ends and twin is not None:
                error, given = _apart(call.gave, twin.gave), _apart(call.given, twin.given)
                yield Apart(call.path or ROOT, call.number, error, given)

    def first(self, outputs: float, shaken: Callable[[], Trace]) -> str | None:
        """The first module that is apart, where the outputs are by `outputs`; None where it is rounding that grew.
        `shaken`: the own model once more, with noise of the size of rounding: who amplifies that is no origin.
        """
        found = self._first(outputs, {})
        if found is None or not found.seen:
            return found.who if found is not None else None
        found = self._first(outputs, _growths(Course(self.own, shaken())))
        return found.who if found is not None else None

    def _first(self, outputs: float, growths: Mapping[int, float]) -> Origin | None:
        seen, precision = 0.0, 0.0
        reshaped, error = "", None
        strangers: dict[
            int, str
        ] = {}  # in which call: the first module since its last clean one that has no twin
        for number, (place, ends) in enumerate(self.own.moments):
            call, twin = self.own.calls[place], self.twins[place]
            if twin is None:
                strangers.setdefault(call.within, call.path)
                continue
            sides = (call.gave, twin.gave) if ends else (call.given, twin.given)
            error, precision = _apart(*sides), max(precision, _precision(*sides))
            home = place if ends else call.within
            who = strangers.get(home) or (self.own.calls[home].path if home >= 0 else "") or ROOT
            if error is None:
                reshaped = reshaped or (who if _reshaped(*sides) else "")
                continue
            if _is_detour(error, outputs):
                continue
            if error > max(STEPS * precision, GROWTH * max(1.0, growths.get(number, 1.0)) * seen):
                return Origin(reshaped or who, seen)
            seen = max(seen, min(error, 1.0))
            strangers.pop(call.within if ends else home, None)
        return Origin(reshaped or ROOT, 0.0) if error is None else None


def _growths(shaken: Course) -> dict[int, float]:
    """By moment, how many times as far apart noise is then as it was anywhere before."""
    seen, found = 0.0, {}
    for number, (place, ends) in enumerate(shaken.own.moments):
        call, twin = shaken.own.calls[place], shaken.twins[place]
        if twin is None:
            continue
        error = _apart(call.gave, twin.gave) if ends else _apart(call.given, twin.given)
        if error is not None:
            found[number] = error / seen if seen else 1.0
            seen = max(seen, error)
    return found


def _is_detour(error: float, outputs: float) -> bool:
    """Whether what is apart within comes together again: a norm that was merged into its convolution."""
    return outputs < SMALL and error > SHRINKS * outputs


def _apart(own: Sequence[Sketch] | None, other: Sequence[Sketch] | None) -> float | None:
    """The farthest of several tensors; None where they are not as many, or of other shapes."""
    if own is None or other is None or len(own) != len(other):
        return None
    found = [one.apart(twin) for one, twin in zip(own, other, strict=True)]
    known = [error for error in found if error is not None]
    return max(known, default=0.0) if len(known) == len(found) else None


def _reshaped(own: Sequence[Sketch] | None, other: Sequence[Sketch] | None) -> bool:
    """Whether a tensor has another number of elements."""
    pairs = zip(own or (), other or (), strict=False)
    return any(math.prod(one.shape) != math.prod(twin.shape) for one, twin in pairs)


def _precision(*sides: Sequence[Sketch] | None) -> float:
    """The coarsest."""
    return max((sketch.precision for side in sides for sketch in side or ()), default=0.0)

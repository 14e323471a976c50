"""What was measured, in the limit's unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsFloat

from ..errors import MeasurementError

ROOT = "(the model itself)"  # as a contributor: what no module inside it does


@dataclass(frozen=True)
class Contributor:
    """A module's part of a value."""

    module: str
    value: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _number(self.value, f"the part of {self.module!r}"))


@dataclass(frozen=True)
class Measurement:
    """A value in the limit's unit, with its confidence interval where it has one, and who contributes to it.

    Whoever makes one may hand over numbers of any kind, tensors with one element too. Raises MeasurementError for what
    is no number: it could be compared with no limit.
    """

    value: float
    interval: tuple[float, float] | None = None
    aka: str = ""  # the same value in other words
    contributors: tuple[Contributor, ...] = ()
    notes: tuple[str, ...] = ()
    caveat: str = ""  # what the value leaves out: told also where the check passes
    protocol: str = ""  # how it was measured, where that is no matter of course
    beside: str = ""  # what every table says beside the value: of a time, on which clock
    details: tuple[str, ...] = ()  # what is told where all is asked for: whole texts of others' errors
    varies: bool = False  # whether another run of the same code may measure something else
    instead: str = ""  # what is said in place of a value that no number tells of: outputs of another shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _number(self.value, "its value"))
        if self.interval is not None:
            object.__setattr__(self, "interval", _interval(self.interval))
        parts = tuple(self.contributors)
        if strange := [part for part in parts if not isinstance(part, Contributor)]:
            raise MeasurementError(f"a Measurement: {strange[0]!r} among its contributors is no Contributor")
        object.__setattr__(self, "contributors", parts)
        object.__setattr__(self, "notes", (self.notes,) if isinstance(self.notes, str) else tuple(self.notes))

    @property
    def heaviest(self) -> tuple[Contributor, ...]:
        """The contributors, the largest first."""
        return tuple(sorted(self.contributors, key=lambda part: -part.value))

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.interval[1] if self.interval else self.value


def _number(given: object, what: str) -> float:
    """As an int, which is exact, or a float."""
    if type(given) in (int, float):
        return given  # type: ignore[return-value]  # just asked
    try:
        if isinstance(given, SupportsFloat) and not isinstance(given, (str, bytes)):
            return float(given)
    except (TypeError, ValueError, RuntimeError):  # torch's, for a tensor with several elements
        pass
    raise MeasurementError(f"a Measurement: {what} is {given!r:.200}, which is no number")


def _interval(given: Sequence[object]) -> tuple[float, float]:
    if not isinstance(given, Sequence) or len(given) != 2:
        raise MeasurementError(f"a Measurement: its interval is {given!r:.200}, not a pair of numbers")
    low, high = (_number(end, "an end of its interval") for end in given)
    if low > high:
        raise MeasurementError(f"a Measurement: its interval begins at {low:g} and ends at {high:g}")
    return low, high

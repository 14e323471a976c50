"""What was measured, in the limit's unit."""

from __future__ import annotations

from dataclasses import dataclass

ROOT = "(the model itself)"  # as a contributor: what no module inside it does


@dataclass(frozen=True)
class Contributor:
    """A module's part of a value."""

    module: str
    value: float


@dataclass(frozen=True)
class Measurement:
    """A value in the limit's unit, with its confidence interval where it has one, and who contributes to it."""

    value: float
    interval: tuple[float, float] | None = None
    aka: str = ""  # the same value in other words: "2,338,340 MACs"
    contributors: tuple[Contributor, ...] = ()
    notes: tuple[str, ...] = ()
    caveat: str = ""  # what the value leaves out: told also where the check passes
    protocol: str = ""  # how it was measured, where that is no matter of course

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

"""Limit + Measurement -> Verdict. The only place that compares, and the same rule for every check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .units import RATIO, Unit


class Outcome(str, Enum):
    """How a check can end; there is no other way."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_GATED = "not gated"
    ERROR = "error"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Limit:
    """What one marker demands of one metric: a range in base units, or (`max_regression`) a share above the base."""

    metric: str
    unit: Unit
    max: float | None = None
    min: float | None = None
    max_regression: float | None = None
    level: str = "fail"
    options: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""

    def __str__(self) -> str:
        if self.max_regression is not None:
            return f"max {RATIO.format(self.max_regression)} above the base"
        bounds = [("min", self.min), ("max", self.max)]
        return ", ".join(f"{word} {self.unit.format(value)}" for word, value in bounds if value is not None)

    def decides(self, measurement: Measurement) -> bool:
        """Whether the measurement is precise enough to be judged: what a sequential measurement goes on until."""
        return judge("", self, measurement).outcome is not Outcome.INCONCLUSIVE


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

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.interval[0] if self.interval else self.value

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.interval[1] if self.interval else self.value


@dataclass(frozen=True)
class Verdict:
    """One limit, judged: all that a message, the report and an annotation are made from."""

    subject: str
    limit: Limit
    outcome: Outcome
    measurement: Measurement | None = None
    bound: float | None = None  # the bound that decided, in base units
    error: str = ""

    @property
    def fails(self) -> bool:
        """Whether the test must fail for it (strictness aside)."""
        return self.outcome is Outcome.ERROR or (self.outcome is Outcome.FAIL and self.limit.level == "fail")

    @property
    def excess(self) -> float:
        """By how much the deciding bound is missed, in base units; negative within it."""
        if self.measurement is None or self.bound is None:
            return 0.0
        value = self.measurement.value
        return self.bound - value if self.at_minimum else value - self.bound

    @property
    def headroom(self) -> float | None:
        """Share of the bound that is still free; negative when it is missed; None without a value and a bound."""
        if self.measurement is None or not self.bound:
            return None
        return -self.excess / self.bound

    @property
    def at_minimum(self) -> bool:
        """Whether the bound that decided is the lower one."""
        return self.limit.min is not None and self.bound == self.limit.min and self.bound != self.limit.max


def judge(subject: str, limit: Limit, measurement: Measurement, base: float | None = None) -> Verdict:
    """Compare. An interval that contains the bound decides nothing; a relative limit without a base is not gated."""
    low, high = limit.min, limit.max
    if limit.max_regression is not None:
        if base is None:
            return Verdict(subject, limit, Outcome.NOT_GATED, measurement)
        low, high = None, base * (1 + limit.max_regression)
    outcomes = [(_above(measurement, high), high), (_below(measurement, low), low)]
    outcome, bound = min(outcomes, key=lambda pair: (_SEVERITY[pair[0]], pair[1] is None))
    return Verdict(subject, limit, outcome, measurement, bound)


_SEVERITY = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 2}


def _above(measurement: Measurement, bound: float | None) -> Outcome:
    if bound is None or measurement.high <= bound:
        return Outcome.PASS
    return Outcome.FAIL if measurement.low > bound else Outcome.INCONCLUSIVE


def _below(measurement: Measurement, bound: float | None) -> Outcome:
    if bound is None or measurement.low >= bound:
        return Outcome.PASS
    return Outcome.FAIL if measurement.high < bound else Outcome.INCONCLUSIVE

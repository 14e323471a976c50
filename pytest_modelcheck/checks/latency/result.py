"""Latency: what was sampled, and what it says; never a figure without its interval."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ...errors import unsaved_text
from ...records.plain import number
from ...text import count, first_line_repr
from ...verdict.units import SECONDS
from ..reported import Reported
from .clock import WallClock
from .intervals import ERROR, TOO_FEW, quantile_interval
from .trend import Trend

Statistic: TypeAlias = Literal["median", "p90", "p95", "p99"]
QUANTILES: Mapping[str, float] = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SHOWN = 400  # samples in the record: enough to draw


@dataclass(frozen=True)
class Estimate:
    """A quantile of the samples in seconds, and the interval that holds the true one; an end that so few samples do
    not have is 0 or infinite.
    """

    value: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        span = SECONDS.span(low, high) if low or math.isfinite(high) else TOO_FEW
        return f"{SECONDS.format(self.value)} ({span})"

    def to_dict(self) -> dict[str, object]:
        """For the record: None for an end that is not there."""
        return {"value": self.value, "interval": [number(end) for end in self.interval]}


@dataclass(frozen=True)
class Latency(Reported):
    """The time of one call. `samples` are seconds on `clock`, `wall` the same calls on the wall.

    `unseen`: what thread CPU time would not have seen of them, so that the wall is the clock. `trend`: how they change
    from call to call. `error`: the chance that an interval misleads.
    """

    section = "latency"

    name: str
    samples: tuple[float, ...]
    wall: tuple[float, ...]
    phase: str
    batch: int | None
    clock: str
    threads: int
    load: float
    waited: float
    environment: dict[str, str]
    statistic: str = "median"
    unseen: str = ""
    unsaved: tuple[str, ...] = ()  # what the model keeps and no check can put back
    trend: Trend | None = None
    error: float = ERROR

    @functools.cached_property
    def median(self) -> Estimate:
        """Half of the calls take less."""
        return self.quantile(0.5)

    @functools.cached_property
    def p90(self) -> Estimate:
        """90 % of the calls take less."""
        return self.quantile(0.9)

    @functools.cached_property
    def p95(self) -> Estimate:
        """95 % of the calls take less."""
        return self.quantile(0.95)

    @functools.cached_property
    def p99(self) -> Estimate:
        """99 % of the calls take less."""
        return self.quantile(0.99)

    @property
    def wall_median(self) -> Estimate:
        """The median on the wall."""
        return _estimate(self.wall, 0.5, self.error)

    def quantile(self, share: float) -> Estimate:
        """Any quantile, 0 < share < 1."""
        return _estimate(self.samples, share, self.error)

    @property
    def estimate(self) -> Estimate:
        """The chosen `statistic`."""
        found: Estimate = getattr(self, self.statistic)
        return found

    @property
    def interval(self) -> tuple[float, float]:
        """Of the chosen statistic."""
        return self.estimate.interval

    @property
    def throughput(self) -> Estimate | None:
        """Items (batch) per second at the median, with its interval; None without a batch dimension, or a time."""
        if self.batch is None or not self.median.value:
            return None
        low, high = self.median.interval
        upper = self.batch / low if low else float("inf")
        return Estimate(self.batch / self.median.value, (self.batch / high, upper))

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        rows = [f"{name:<7}{getattr(self, name)}" for name in QUANTILES]
        rows.append(f"wall   {self.wall_median}")
        if self.trend:
            rows.append(f"trend  {self.trend}")
        if self.throughput is not None:
            rows.append(f"items  {_items(self)}")
        rows += filter(None, [unsaved_text(self.unsaved)])
        return "\n".join([f"{self.name}: latency ({self.phase}), {self.basis}", *rows])

    @property
    def basis(self) -> str:
        """What the figures stand on."""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        clock = f"{self.clock} (not thread CPU time: {self.unseen})" if self.unseen else self.clock
        few = (
            "" if self.error == ERROR else f" (so few that an interval misleads once in {1 / self.error:.0f})"
        )
        return f"{count(len(self.samples), 'call')}{few}, {clock}, {threads}, load average {self.load:.1f}"

    @property
    def beside(self) -> str:
        """What stands beside a figure in every table: its clock, and the median on the wall."""
        if self.clock.startswith(WallClock.name):
            return self.clock
        return f"{self.clock}, {SECONDS.format(self.wall_median.value)} wall"

    def to_dict(self) -> dict[str, object]:
        """For the record: the samples thinned to a few hundred, in order."""
        estimates = {name: getattr(self, name) for name in QUANTILES} | {"wall": self.wall_median}
        throughput = self.throughput
        return {
            "kind": "latency",
            **{k: estimate.to_dict() for k, estimate in estimates.items()},
            "throughput": throughput and throughput.to_dict(),
            "statistic": self.statistic,
            "samples": [float(f"{s:.5g}") for s in _thinned(self.samples)],
            "count": len(self.samples),
            "phase": self.phase,
            "batch": self.batch,
            "clock": self.clock,
            "unseen": self.unseen,
            "unsaved": list(self.unsaved),
            "trend": str(self.trend or ""),
            "threads": self.threads,
            "load": self.load,
            "waited": self.waited,
            "basis": self.basis,
            "environment": self.environment,
        }


def _estimate(values: Sequence[float], share: float, error: float) -> Estimate:
    return Estimate(float(np.quantile(values, share)), quantile_interval(values, share, error))


def _thinned(values: Sequence[float]) -> Sequence[float]:
    step = max(1, -(-len(values) // SHOWN))
    return values[::step]


class LatencySweep(tuple[Latency, ...], Reported):
    """One latency for each batch size."""

    section = "latency"

    def __repr__(self) -> str:
        return f"LatencySweep({', '.join(f'batch {one.batch}: {one.median}' for one in self)})"

    def __str__(self) -> str:
        head = f"{'batch':>6}  {'median':<34} items"
        rows = [f"{one.batch:>6}  {one.median!s:<34} {_items(one)}" for one in self]
        return "\n".join([head, *rows])

    def to_dict(self) -> dict[str, object]:
        """For the record."""
        return {"kind": "sweep", "batches": [one.to_dict() for one in self]}

    @property
    def waited(self) -> float:
        """Seconds for other timed checks, of all of them."""
        return sum(one.waited for one in self)


def _items(one: Latency) -> str:
    """`95.2 per second (94 to 96.1)`."""
    found = one.throughput
    if found is None:
        return ""
    low, high = found.interval
    span = f"{low:.4g} to {high:.4g}" if math.isfinite(high) else f"{low:.4g} or more"
    return f"{found.value:.4g} per second ({span})"

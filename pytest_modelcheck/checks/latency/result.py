"""Latency: what was sampled, and what it says; never a figure without its interval."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...verdict.units import SECONDS
from .intervals import quantile_interval

QUANTILES = {"median": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
SHOWN = 400  # samples in the record: enough to draw


@dataclass(frozen=True)
class Estimate:
    """A quantile of the samples in seconds, and the interval that holds the true one (error 1e-3)."""

    value: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        return f"{SECONDS.format(self.value)} ({SECONDS.format(low)} to {_end(high)})"


def _end(high: float) -> str:
    return SECONDS.format(high) if np.isfinite(high) else "?"


@dataclass(frozen=True)
class Latency:
    """The time of one call. `samples` are seconds on `clock`, `wall` the same calls on the wall.

    `unseen`: what thread CPU time would not have seen of them, so that the wall is the clock.
    """

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
        return _estimate(self.wall, 0.5)

    def quantile(self, share: float) -> Estimate:
        """Any quantile, 0 < share < 1."""
        return _estimate(self.samples, share)

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
        """Items (batch) per second at the median, with its interval; None where there is no batch dimension."""
        if self.batch is None:
            return None
        low, high = self.median.interval
        upper = self.batch / low if low else float("inf")
        return Estimate(self.batch / self.median.value, (self.batch / high, upper))

    def __str__(self) -> str:
        rows = [f"{name:<7}{getattr(self, name)}" for name in QUANTILES]
        rows.append(f"wall   {self.wall_median}")
        if self.throughput is not None:
            low, high = self.throughput.interval
            rows.append(f"items  {self.throughput.value:.4g} per second ({low:.4g} to {high:.4g})")
        return "\n".join([f"{self.name}: latency ({self.phase}), {self.basis}", *rows])

    @property
    def basis(self) -> str:
        """What the figures stand on."""
        threads = f"{self.threads} thread{'s' * (self.threads != 1)}"
        clock = f"{self.clock} (not thread CPU time: {self.unseen})" if self.unseen else self.clock
        return f"{len(self.samples)} calls, {clock}, {threads}, load average {self.load:.1f}"

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(str(self))}</pre>"

    def to_dict(self) -> dict[str, object]:
        """For the record: the samples thinned to a few hundred, in order."""
        estimates = {name: getattr(self, name) for name in QUANTILES} | {"wall": self.wall_median}
        throughput = self.throughput
        return {
            "kind": "latency",
            **{k: {"value": e.value, "interval": list(e.interval)} for k, e in estimates.items()},
            "throughput": throughput and {"value": throughput.value, "interval": list(throughput.interval)},
            "statistic": self.statistic,
            "samples": [float(f"{s:.5g}") for s in _thinned(self.samples)],
            "count": len(self.samples),
            "phase": self.phase,
            "batch": self.batch,
            "clock": self.clock,
            "unseen": self.unseen,
            "threads": self.threads,
            "load": self.load,
            "waited": self.waited,
            "basis": self.basis,
            "environment": self.environment,
        }


def _estimate(values: Sequence[float], share: float) -> Estimate:
    return Estimate(float(np.quantile(values, share)), quantile_interval(values, share))


def _thinned(values: Sequence[float]) -> Sequence[float]:
    step = max(1, -(-len(values) // SHOWN))
    return values[::step]


class LatencySweep(tuple[Latency, ...]):
    """One latency for each batch size."""

    def __str__(self) -> str:
        head = f"{'batch':>6}  {'median':<34} items per second"
        rows = [f"{one.batch:>6}  {one.median!s:<34} {_items(one)}" for one in self]
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"

    def to_dict(self) -> dict[str, object]:
        """For the record."""
        return {"kind": "sweep", "batches": [one.to_dict() for one in self]}

    @property
    def waited(self) -> float:
        """Seconds for other timed checks, of all of them."""
        return sum(one.waited for one in self)


def _items(one: Latency) -> str:
    throughput = one.throughput
    return (
        ""
        if throughput is None
        else f"{throughput.value:.4g} ({throughput.interval[0]:.4g} to {throughput.interval[1]:.4g})"
    )

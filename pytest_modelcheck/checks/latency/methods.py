"""What a ModelCheck times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, overload

from ..handle import Handle

if TYPE_CHECKING:
    from ...verdict.judge import Verdict
    from ...verdict.phases import Phase
    from .clock import Clock
    from .result import Latency, LatencySweep, Statistic


class LatencyMethods(Handle):
    """Measurements of time."""

    @overload
    def latency(
        self,
        *,
        statistic: Statistic = "median",
        threads: int | None = None,
        phase: Phase = "forward",
        batch_sizes: None = None,
        cap: float | None = None,
        clock: Clock | None = None,
    ) -> Latency: ...

    @overload
    def latency(
        self,
        *,
        statistic: Statistic = "median",
        threads: int | None = None,
        phase: Phase = "forward",
        batch_sizes: Iterable[int],
        cap: float | None = None,
        clock: Clock | None = None,
    ) -> LatencySweep: ...

    def latency(
        self,
        *,
        statistic: Statistic = "median",
        threads: int | None = None,
        phase: Phase = "forward",
        batch_sizes: Iterable[int] | None = None,
        cap: float | None = None,
        clock: Clock | None = None,
    ) -> Latency | LatencySweep:
        """Time calls until the interval of `statistic` ("median", "p90", "p95", "p99") is within 2 %, for `cap` (10)
        seconds at most.

        One thread by default, on its own CPU time; on the wall if the model waits or works on others, and for several
        threads; CUDA by events. `phase`: "forward",
        "backward" or "training_step". With `batch_sizes` the inputs are repeated to each size, and the result is a
        sweep. Raises ModelRunError if the model raises (and in which call), MeasurementError for a batch size that
        does not fit.
        """
        from .measure import measure, sweep

        options: dict[str, Any] = {
            "statistic": statistic,
            "threads": self._threads(threads) or 1,
            "phase": phase,
        }
        options |= {"cap": cap, "clock": clock}
        result = (
            measure(self.subject, **options)
            if batch_sizes is None
            else sweep(self.subject, batch_sizes, **options)
        )
        self._keep(result)
        return self._own(result)

    def latency_against(
        self, other: object, max_regression: object = "5%", *, threads: int | None = None, cap: float = 30.0
    ) -> Verdict:
        """Whether this model is slower than `other` (a module, a factory, or a ModelCheck), in pairs, on tensors they
        share.

        A slowdown of `max_regression` is not missed: the line lies at two fifths of it, and the verdict fails when the
        whole interval is beyond the line, passes when it is within, and is inconclusive after `cap` seconds. Use its
        `.outcome`. In a test a failed verdict fails the test when its body ends, with the other budgets' words.
        """
        from ...verdict.judge import judge
        from .compare import compare_sides, read_comparison, slowdown_decided, slowdown_limit, subject_side

        rival = other if isinstance(other, Handle) else type(self)(other, self.subject.inputs)
        limit = slowdown_limit(max_regression)
        sides = subject_side(rival.subject), subject_side(self.subject)
        seen = compare_sides(
            *sides,
            slowdown_decided(max_regression),
            threads=self._threads(threads) or 1,
            cap=cap,
            names=(rival.name, self.name),
        )
        self._keep(seen)
        verdict = judge(self.name, limit, read_comparison(seen, max_regression))
        self._demand(verdict)
        return verdict

"""The budget of latency, and what the value it limits stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ...demand.arguments import Choice, Whole
from ...demand.check import AmountCheck
from ...errors import MeasurementError, NothingSeenError
from ...verdict.judge import Outcome, judge
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.phases import PHASES
from .metrics import LATENCY, SLOWDOWN

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...verdict.judge import Verdict
    from .compare import LatencyComparison
    from .result import Latency


class LatencyBudget(AmountCheck):
    """A limit on the time of a call; a relative one is judged by timing base and head in turns."""

    name = "latency_budget"
    doc = (
        "at most this much time for one call, sampled until the interval of the statistic lies on one side of the "
        "limit. threads: 1 unless --modelcheck-threads says otherwise; one thread on a CPU is timed by its CPU time, "
        "or on the wall if the model waits (sleep, I/O, a lock, other processes and threads)."
    )
    metrics = (LATENCY, SLOWDOWN)
    choices: Mapping[str, Choice] = {
        "statistic": ("median", "p90", "p95", "p99"),
        "phase": PHASES,
        "threads": Whole(),
    }
    settings = ("threads",)
    section = "latency"
    sequential = True
    paired = True

    def observe(
        self,
        subject: Subject,
        *,
        statistic: str,
        phase: str,
        threads: int | None,
        decided: Callable[[Latency], bool],
    ) -> Latency:
        """Calls sampled until `decided`, or until the cap; those of another test of the same model, if they decide."""
        from ...model.shared import shared
        from .measure import measure

        return shared()(measure)(
            subject, statistic=statistic, phase=phase, threads=threads or 1, decided=decided
        )

    def read(self, observed: Latency, limit: Limit) -> Measurement:
        """The chosen statistic and its interval.

        Raises NothingSeenError where no call took any time, MeasurementError where the calls have a trend: whatever
        they took, the next ones take something else. A limit that they miss already is missed.
        """
        estimate = observed.estimate
        if not any(observed.samples):
            raise NothingSeenError(
                f"{observed.name}: no call took any time on this clock ({observed.clock}): it is too coarse.\n"
                "Give larger inputs: a larger batch, say."
            )
        found = Measurement(
            estimate.value,
            estimate.interval,
            aka=f"on the wall, median: {observed.wall_median}",
            notes=tuple(_notes(observed)),
            beside=observed.beside,
        )
        if observed.trend and judge(observed.name, limit, found).outcome in (
            Outcome.PASS,
            Outcome.INCONCLUSIVE,
        ):
            raise MeasurementError(
                f"{observed.name}: the time of a call {observed.trend} ({observed.basis}), so that no figure stands "
                "for it.\nLook for what the model keeps from call to call: a list, a cache, a graph; or give it back "
                "what it began with in its forward."
            )
        return found

    def judge_pair(
        self, subject: str, limit: Limit, pair: Mapping[str, object]
    ) -> tuple[Verdict, LatencyComparison]:
        """By the interval of the slowdown."""
        from .against import judge_pair

        return judge_pair(subject, limit, pair)


def _notes(latency: Latency) -> list[str]:
    notes = [latency.basis]
    if latency.trend:
        notes.append(f"the time of a call {latency.trend}")
    if latency.unseen:
        notes.append("on the wall other work on this machine counts too: an idle one gives the best figures")
    if latency.threads > 1:
        notes.append(
            "several threads are timed on the wall: other work on this machine slows them, and what that makes of "
            "the verdict no interval can tell; threads=1 is the setting to gate on"
        )
    if latency.waited >= 0.1:
        notes.append(f"waited {latency.waited:.1f} s for other timed checks")
    return notes

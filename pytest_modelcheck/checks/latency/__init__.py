"""Latency: the time of a call, sampled until a limit is decided, and paired comparison of two models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...demand.check import Budget, Choice, Registry, Whole

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...verdict.judge import Limit, Measurement, Verdict

CHOICES: Mapping[str, Choice] = {
    "statistic": ("median", "p90", "p95", "p99"),
    "phase": ("forward", "backward", "training_step"),
    "threads": Whole(),
}
DOC = (
    "at most this much time for one call, sampled until the interval of the statistic lies on one side of the limit. "
    "threads: 1 unless --modelcheck-threads says otherwise; one thread on a CPU is timed by its CPU time."
)


def register(registry: Registry) -> None:
    """The budget of this folder."""
    registry.add(
        Budget(
            "latency_budget",
            "latency",
            "seconds",
            DOC,
            _observe,
            _read,
            CHOICES,
            ("threads",),
            section="latency",
            sequential=True,
            against=_against,
        )
    )


def _observe(
    subject: Subject, *, statistic: str, phase: str, threads: int | None, decided: Callable[[Any], bool]
) -> Any:
    from .measure import measure

    return measure(subject, statistic=statistic, phase=phase, threads=threads or 1, decided=decided)


def _read(observed: Any, **options: Any) -> Measurement:
    from .read import read_latency

    return read_latency(observed)


def _against(subject: str, limit: Limit, pair: Mapping[str, Any]) -> tuple[Verdict, Any]:
    from .against import judge_pair

    return judge_pair(subject, limit, pair)

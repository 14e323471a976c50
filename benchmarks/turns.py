"""Calls timed in turns: CPU time, in random order within each round, so that a busy machine is busy for all of them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def cpu_seconds(call: Callable[[], object]) -> float:
    """Of this process."""
    start = time.process_time()
    call()
    return time.process_time() - start


def in_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each call in each round, after one that does not count."""
    for call in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name in random.sample(list(calls), len(calls)):
            times[name].append(cpu_seconds(calls[name]))
    return times


def ratios(times: Sequence[float], bare: Sequence[float]) -> list[float]:
    """What both take in each round, one as a multiple of the other."""
    return [t / b for t, b in zip(times, bare, strict=True)]


def ratio(times: Sequence[float], bare: Sequence[float]) -> float:
    """The median of that."""
    return statistics.median(ratios(times, bare))

"""Read the statistic that a budget limits out of a latency, with what it stands on."""

from __future__ import annotations

from ...verdict.judge import Measurement
from .result import Latency


def read_latency(latency: Latency) -> Measurement:
    """The chosen statistic and its interval."""
    estimate = latency.estimate
    return Measurement(
        estimate.value,
        estimate.interval,
        aka=f"on the wall, median: {latency.wall_median}",
        notes=tuple(_notes(latency)),
    )


def _notes(latency: Latency) -> list[str]:
    notes = [latency.basis]
    if latency.threads > 1:
        notes.append(
            "several threads are timed on the wall: other work on this machine slows them, and what that makes of "
            "the verdict no interval can tell; threads=1 is the setting to gate on"
        )
    if latency.waited >= 0.1:
        notes.append(f"waited {latency.waited:.1f} s for other timed checks")
    return notes

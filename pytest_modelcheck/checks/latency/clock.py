"""Clocks: what a call costs on the clock that counts, and on the wall.

One thread on a CPU is timed by thread CPU time: what other processes do hardly moves it. Several threads share their
work with workers that this clock does not see, so there the wall counts; on CUDA the device's own events do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ...errors import MeasurementError

if TYPE_CHECKING:
    import torch

Call = Callable[[], object]


class Clock(Protocol):
    """Injected wherever time is taken; tests give one that follows a script."""

    name: str

    def now(self) -> float:
        """Wall seconds since some moment: for warm-up and caps."""

    def measure(self, call: Call) -> tuple[float, float]:
        """Run `call` once; seconds on this clock, and on the wall."""


class WallClock:
    """Wall time only."""

    name = "wall time"

    def now(self) -> float:
        """Seconds of `time.perf_counter`."""
        return time.perf_counter()

    def measure(self, call: Call) -> tuple[float, float]:
        """The wall twice."""
        start = time.perf_counter_ns()
        call()
        wall = (time.perf_counter_ns() - start) * 1e-9
        return wall, wall


class ThreadClock(WallClock):
    """CPU time of the calling thread."""

    name = "thread CPU time"

    def measure(self, call: Call) -> tuple[float, float]:
        """CPU time of this thread, and the wall around it."""
        wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
        call()
        cpu = time.thread_time_ns() - cpu
        return cpu * 1e-9, (time.perf_counter_ns() - wall) * 1e-9


class CudaClock(WallClock):
    """Time between two events on the device's current stream, synchronised after each call."""

    name = "CUDA events"

    def __init__(self, device: torch.device) -> None:
        import torch

        self.device = device
        self.start = torch.cuda.Event(enable_timing=True)
        self.end = torch.cuda.Event(enable_timing=True)

    def measure(self, call: Call) -> tuple[float, float]:
        """Time on the device, and on the wall until the device was done."""
        import torch

        stream = torch.cuda.current_stream(self.device)
        wall = time.perf_counter_ns()
        self.start.record(stream)
        call()
        self.end.record(stream)
        self.end.synchronize()
        return self.start.elapsed_time(self.end) * 1e-3, (time.perf_counter_ns() - wall) * 1e-9


class SynchronisedClock(WallClock):
    """Wall time until the device is done, for accelerators without a clock of their own here."""

    name = "wall time, synchronised"

    def measure(self, call: Call) -> tuple[float, float]:
        """The wall twice."""
        import torch

        def finished() -> None:
            call()
            torch.accelerator.synchronize()

        torch.accelerator.synchronize()
        return super().measure(finished)


def clock_for(device: torch.device, threads: int) -> Clock:
    """The clock that counts on this device with so many threads. Raises MeasurementError for the meta device."""
    if device.type == "meta":
        raise MeasurementError(
            "the model is on the meta device: nothing is computed there, and no time is to be had"
        )
    if device.type == "cuda":
        return CudaClock(device)
    if device.type != "cpu":
        return SynchronisedClock()
    return ThreadClock() if threads == 1 else WallClock()

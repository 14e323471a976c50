"""Clocks: what a call costs on the clock that counts, and on the wall.

One thread on a CPU is timed by thread CPU time: what other processes do hardly moves it. Several threads share their
work with workers that this clock does not see, so there the wall counts; on CUDA the device's own events do.

Thread CPU time stands still while a model sleeps, reads, waits for a lock, a process or a thread. Whether it does is
seen around a block of calls (`spent`, `unseen`, `Blocks`): then the wall counts too. Where the system does not count
how often a thread waits (macOS, Windows) that cannot be seen, and the wall counts always.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...errors import MeasurementError
from ...verdict.units import SECONDS

if TYPE_CHECKING:
    import torch

Call = Callable[[], object]
OTHERS = 0.1  # CPU time of the process's other threads, as a share of this one's, from which on they work for the model
UNTOLD = "this system does not tell a thread that waits from one that computes"


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


class WaitingClock(WallClock):
    """The wall, in place of thread CPU time."""

    name = "wall time, since a model waits"


class UntoldClock(WaitingClock):
    """The same, where nobody can tell whether it waits."""

    name = f"wall time, since {UNTOLD}"


class Spent(NamedTuple):
    """What the calling thread has used so far: CPU seconds, those of its process, and how often it gave up its core by
    itself, which it does to wait.
    """

    thread: float
    process: float
    waits: int


def spent() -> Spent:
    """So far; to be taken around a block of calls, not within a timed one. Nothing where the system does not tell."""
    if not tells_waiting():
        return Spent(0.0, 0.0, 0)
    return Spent(time.thread_time(), time.process_time(), _waits())


def tells_waiting() -> bool:
    """Whether the system counts a thread's CPU time, and how often it waits: macOS and Windows do not."""
    try:
        from resource import RUSAGE_THREAD  # noqa: F401
    except ImportError:
        return False
    return hasattr(time, "thread_time_ns")


def _waits() -> int:
    from resource import RUSAGE_THREAD, getrusage

    return getrusage(RUSAGE_THREAD).ru_nvcsw


def unseen(before: Spent, after: Spent, calls: int, share: float) -> str:
    """What thread CPU time does not see of these calls, in words; empty where it sees all.

    `share`: of the calls that may wait without being told; a model that only computes never does, on a busy machine
    neither.
    """
    own = after.thread - before.thread
    others = after.process - before.process - own
    itself = f"it computes {SECONDS.format(own / calls)} of a call on the calling thread"
    if others > OTHERS * own:
        return f"{itself}, and {SECONDS.format(others / calls)} on others"
    waits = (after.waits - before.waits) / calls
    if waits < share:
        return ""
    return f"{itself}, and waits {waits:.2g} times (sleep, I/O, a lock, another process or thread)"


class Blocks:
    """Blocks of calls, added up, and what thread CPU time does not see of them."""

    def __init__(self) -> None:
        self.calls, self.used = 0, Spent(0.0, 0.0, 0)

    def add(self, before: Spent, after: Spent, calls: int) -> None:
        """One more block."""
        so_far = self.used
        self.used = Spent(
            so_far.thread + after.thread - before.thread,
            so_far.process + after.process - before.process,
            so_far.waits + after.waits - before.waits,
        )
        self.calls += calls

    def unseen(self, share: float) -> str:
        """As `unseen` says it of all of them."""
        return unseen(Spent(0.0, 0.0, 0), self.used, self.calls, share)


def measured(clock: Clock, call: Call) -> tuple[float, float]:
    """`clock.measure(call)`, after what has to come before each call (`call.reset`, where inputs grow)."""
    reset = getattr(call, "reset", None)
    if reset is not None:
        reset()
    return clock.measure(call)


class CudaClock(WallClock):
    """Time between two events on the device's current stream, synchronised after each call.

    What the model left to other streams and the device does after that counts until it is done.
    """

    name = "CUDA events"
    idle = 5e-5  # seconds that it may take to find a device idle

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
        ended = time.perf_counter_ns()
        torch.cuda.synchronize(self.device)
        done = time.perf_counter_ns()
        after = (done - ended) * 1e-9
        on_device = self.start.elapsed_time(self.end) * 1e-3
        if after <= self.idle:
            return on_device, (ended - wall) * 1e-9
        return on_device + after, (done - wall) * 1e-9


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
    if threads > 1:
        return WallClock()
    return ThreadClock() if tells_waiting() else UntoldClock()

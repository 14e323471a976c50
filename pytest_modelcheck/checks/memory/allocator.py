"""What the allocator gives out in a real call: tensors, and what kernels take for themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch.profiler import ProfilerActivity, record_function

from ...errors import MeasurementError
from ...model.kineto import own_profiler_told, profiling, refuse_another, refuse_ended

FORGET = "modelcheck: forget"


class Allocator(Protocol):
    """Asked for the peak of a call."""

    name: str

    def peak(self, call: Callable[[], None]) -> int:
        """Run `call`; the most bytes that were out at once, beyond those that were out before."""

    def forget(self) -> None:
        """Within the call: what was out so far at the worst moment does not count."""


class KinetoEvent(Protocol):
    """What is asked of torch's `_KinetoEvent`."""

    def name(self) -> str:
        """What happened."""

    def start_ns(self) -> int:
        """When."""

    def nbytes(self) -> int:
        """Of memory that came or went."""


class CudaAllocator:
    """torch.cuda's own figures: `max_memory_allocated`."""

    name = "torch.cuda.max_memory_allocated"

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def peak(self, call: Callable[[], None]) -> int:
        """Its allocations come in blocks of 512 bytes."""
        torch.cuda.synchronize(self.device)
        before = torch.cuda.memory_allocated(self.device)
        self.forget()
        call()
        torch.cuda.synchronize(self.device)
        return torch.cuda.max_memory_allocated(self.device) - before

    def forget(self) -> None:
        """Begin anew with what is out now."""
        torch.cuda.reset_peak_memory_stats(self.device)


class ProfiledAllocator:
    """The allocator of the CPU keeps no figures; torch.profiler sees each of its allocations."""

    name = "torch.profiler's memory events"

    def __init__(self) -> None:
        refuse_another(self.name)

    def peak(self, call: Callable[[], None]) -> int:
        """All threads' allocations together."""
        with profiling(self.name, activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            with own_profiler_told(self.name):
                call()
            refuse_ended(self.name)
        return _peak(profiler.profiler.kineto_results.events())

    def forget(self) -> None:
        """Leave a mark between the events."""
        with record_function(FORGET):
            pass


def _peak(events: Iterable[KinetoEvent]) -> int:
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            live += event.nbytes()
            peak = max(peak, live)
        elif event.name() == FORGET:
            peak = live
    return peak


def allocator_of(device: torch.device) -> Allocator:
    """The one of this device. Raises MeasurementError where there is none, or a profiler is active already."""
    if device.type == "cuda":
        return CudaAllocator(device)
    if device.type == "cpu":
        return ProfiledAllocator()
    raise MeasurementError(f"no allocator figures are known for the device {str(device)!r}")

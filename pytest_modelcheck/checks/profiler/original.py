"""What is asked of torch.profiler's own results, which tell no types themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class DeviceType(Protocol):
    """Of torch's DeviceType."""

    name: str


class Average(Protocol):
    """All calls of one operator, or of one kernel (torch's FunctionEventAvg)."""

    key: str
    count: int
    flops: int
    is_user_annotation: bool
    device_type: DeviceType
    input_shapes: object
    self_cpu_memory_usage: int
    self_device_memory_usage: int

    @property
    def cpu_time_total(self) -> float:
        """Microseconds on the host."""

    @property
    def self_cpu_time_total(self) -> float:
        """Without the operators inside."""

    @property
    def self_device_time_total(self) -> float:
        """The same on the device."""


class Averages(Protocol):
    """A list of them (torch's EventList)."""

    def __iter__(self) -> Iterator[Average]: ...

    def __setitem__(self, place: slice, values: list[Average]) -> None: ...

    def table(self, sort_by: str | None = None, row_limit: int = 100, **keywords: object) -> str:
        """As text."""


class Span(Protocol):
    """When an event was."""

    start: float


class Kernel(Protocol):
    """What ran on the device."""

    duration: float  # microseconds


class Event(Protocol):
    """One call (torch's FunctionEvent)."""

    name: str
    thread: int
    is_async: bool
    time_range: Span
    cpu_parent: Event | None
    cpu_children: list[Event]
    kernels: list[Kernel]  # that it launched itself
    cpu_memory_usage: int
    device_memory_usage: int

    @property
    def cpu_time_total(self) -> float:
        """Microseconds on the host."""

"""What torch.profiler says of a call or a loop: by operator, by module, as tables, as a trace."""

from __future__ import annotations

import functools
import gzip
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import MeasurementError, NothingSeenError, out_of_sight
from ...model.undoing import temporary_folder
from ...text import did_you_mean, first_line_repr, not_one_of
from ...verdict.measurement import ROOT, Contributor, Measurement
from ...verdict.units import BYTES, SECONDS
from ..reported import Reported
from .host import HOST_SYNCS, Reads
from .step import MODULE, first_step, parents

if TYPE_CHECKING:
    import torch

    from .original import Average, Averages, Event

SHOWN = 60  # rows of the record, per table
SHOWN_PLACES = 5  # of what makes the host wait
BUFFER = "Activity Buffer Request"  # of the profiler itself, which torch gives the kernels of the operator around it
TO_HOST = "Memcpy DtoH"  # begins the name of a copy from the device to the host


@dataclass
class ModuleTime:
    """All calls of one module: wall seconds on the host and seconds on the device, with and without the modules that
    it calls; `memory` are bytes allocated and not freed within."""

    calls: int = 0
    time: float = 0.0
    self_time: float = 0.0
    device_time: float = 0.0
    self_device_time: float = 0.0
    memory: int = 0


class Profile(Reported):
    """A finished torch.profiler run over `steps` calls. `torch_profiler` is the original, for all that is not here.

    Its times are wall times of one run under a profiler: they say where the time goes, and are nothing to gate on.
    Counts and FLOPs are exact.
    """

    section = "profile"

    def __init__(
        self,
        name: str,
        torch_profiler: torch.profiler.profile,
        *,
        steps: int = 1,
        threads: int = 1,
        on_other_threads: tuple[str, ...] = (),
        reads: Reads | None = None,
    ) -> None:
        self.name, self.torch_profiler, self.steps, self.threads = name, torch_profiler, steps, threads
        self.on_other_threads = on_other_threads  # modules, of whose operators nothing is recorded
        self.reads = reads
        self.averages = self._averages()
        self.trace: str | None = None  # where the Chrome trace is, in the report's folder

    def _averages(self, *, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Averages:
        """`key_averages()` without the modules' ranges: what it is without us."""
        averages: Averages = self.torch_profiler.key_averages(
            group_by_input_shape=group_by_input_shape, group_by_stack_n=group_by_stack_n
        )
        averages[:] = [a for a in averages if not a.key.startswith(MODULE)]
        return averages

    @property
    def operators(self) -> list[Average]:
        """The averages of operators alone: no ranges, no calls of a device's runtime."""
        return [a for a in self.averages if _is_operator(a)]

    @property
    def counts(self) -> dict[str, int]:
        """Calls of each operator, operators inside operators too: `key_averages`' own counts."""
        return {a.key: a.count for a in self.operators}

    @property
    def flops(self) -> int:
        """The sum of the FLOPs that torch.profiler knows a formula for (matrix products and convolutions)."""
        return int(sum(a.flops for a in self.averages))

    @functools.cached_property
    def seconds(self) -> float:
        """Wall time of all operators on the host."""
        return sum(a.self_cpu_time_total for a in self.operators) * 1e-6

    @functools.cached_property
    def device_seconds(self) -> float:
        """Time of all operators on the device; 0 on a CPU."""
        return sum(a.self_device_time_total for a in self.operators) * 1e-6

    def by_module(self) -> dict[str, ModuleTime]:
        """Times and memory by module, in the order of their first call; "" is the model itself."""
        return self._modules

    @functools.cached_property
    def _modules(self) -> dict[str, ModuleTime]:
        found: dict[str, ModuleTime] = {}
        ranges: list[Event] = [e for e in self.torch_profiler.events() if e.name.startswith(MODULE)]
        for event in sorted(ranges, key=lambda e: e.time_range.start):
            entry = found.setdefault(_path(event), ModuleTime())
            seconds, device = event.cpu_time_total * 1e-6, _on_device(event) * 1e-6
            entry.calls += 1
            entry.time += seconds
            entry.self_time += seconds
            entry.device_time += device
            entry.self_device_time += device
            entry.memory += event.cpu_memory_usage + event.device_memory_usage
            if (outer := _enclosing(event)) is not None:
                above = found.setdefault(_path(outer), ModuleTime())
                above.self_time -= seconds
                above.self_device_time -= device
        return found

    def table(
        self, sort_by: str | None = "self_cpu_time_total", row_limit: int = 20, **keywords: object
    ) -> str:
        """The table of `key_averages()`; its times are wall times."""
        return str(self.averages.table(sort_by=sort_by, row_limit=row_limit, **keywords))

    def by_shape(self, sort_by: str | None = "self_cpu_time_total", row_limit: int = 20) -> str:
        """The same, a row for each combination of input shapes."""
        return self._averages(group_by_input_shape=True).table(sort_by=sort_by, row_limit=row_limit)

    def by_stack(
        self, depth: int = 5, sort_by: str | None = "self_cpu_time_total", row_limit: int = 20
    ) -> str:
        """The same, a row for each place in the source (`depth` frames); needs `profile(stacks=True)`."""
        return self._averages(group_by_stack_n=depth).table(sort_by=sort_by, row_limit=row_limit)

    def module_table(self, sort_by: str = "self_time", row_limit: int = 30) -> str:
        """A row for each module; `sort_by`: a field of ModuleTime, or "name" for the order of calls.

        Raises MeasurementError for another.
        """
        rows = list(self._modules.items())
        keys = ("name", *(f.name for f in fields(ModuleTime)))
        if sort_by not in keys:
            raise MeasurementError(not_one_of("sort_by", sort_by, keys))
        if sort_by != "name":
            rows.sort(key=lambda row: -getattr(row[1], sort_by))
        width = max([6, *(len(name or ROOT) for name, _ in rows)])
        lines = [f"{'module':<{width}}  calls      total       self      device     memory"]
        for name, m in rows[:row_limit]:
            times = "".join(f"{SECONDS.format(max(t, 0.0), 3):>11}" for t in (m.time, m.self_time))
            device = SECONDS.format(m.device_time, 3) if m.device_time else ""
            lines.append(
                f"{name or ROOT:<{width}}  {m.calls:>5}{times}{device:>12}{BYTES.format(m.memory, 3):>11}"
            )
        return "\n".join(lines)

    @functools.cached_property
    def chrome_trace(self) -> bytes:
        """The Chrome trace as JSON. torch.profiler gives it away only once: here it is kept."""
        with temporary_folder() as folder:
            file = folder / "trace.json"
            self.torch_profiler.export_chrome_trace(str(file))
            return file.read_bytes()

    def export_chrome_trace(self, path: str | Path) -> Path:
        """Write the trace, gzipped where `path` ends in `.gz`; open it at https://ui.perfetto.dev."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        packed = target.suffix == ".gz"
        target.write_bytes(gzip.compress(self.chrome_trace, mtime=0) if packed else self.chrome_trace)
        return target

    def export_tensorboard(self, folder: str | Path, worker: str | None = None) -> Path:
        """Write the trace as `torch.profiler.tensorboard_trace_handler` names it, gzipped: `folder` is a logdir.

        `worker` must differ between the processes of one run; by default it is host and process.
        """
        worker = worker or f"{socket.gethostname()}_{os.getpid()}"
        return self.export_chrome_trace(Path(folder, f"{worker}.{time.time_ns()}.pt.trace.json.gz"))

    def calls_of(self, operator: str) -> Measurement:
        """The calls of all operators that match the name or pattern; the modules that make them contribute.

        Raises NothingSeenError where no call could be seen, MeasurementError for a name that no operator has.
        """
        self._refuse_unseen()
        _refuse_unknown(operator)
        calls = {name: n for name, n in self.counts.items() if fnmatchcase(name, operator)}
        events: list[Event] = [e for e in self.torch_profiler.events() if e.name in calls]
        kinds = tuple(f"{n:,} of {name}" for name, n in Counter(calls).most_common(SHOWN_PLACES))
        return _measurement(calls, _by_module(events), kinds if len(calls) > 1 else ())

    def host_syncs(self) -> Measurement:
        """The calls after which the host waits for the device, on a CPU those after which it would; by module.

        Raises NothingSeenError where none could be seen.
        """
        self._refuse_unseen()
        found = self.waits | (self.reads.counts if self.reads else {})
        copies = sum(a.count for a in self.averages if a.key.startswith(TO_HOST))
        if (more := copies - sum(found.values())) > 0:
            found["copies to the host"] = more
        modules = _by_module(self._waiting) + (self.reads.modules if self.reads else Counter())
        return _measurement(found, modules, self.reads.places[:SHOWN_PLACES] if self.reads else ())

    @property
    def waits(self) -> dict[str, int]:
        """The calls of HOST_SYNCS, without those that another one makes."""
        return dict(Counter(event.name for event in self._waiting))

    @property
    def _waiting(self) -> list[Event]:
        events: list[Event] = [e for e in self.torch_profiler.events() if e.name in HOST_SYNCS]
        return [e for e in events if not any(p.name in HOST_SYNCS for p in parents(e))]

    def _refuse_unseen(self) -> None:
        if others := out_of_sight(self.on_other_threads, "torch.profiler"):
            raise NothingSeenError(f"{self.name}: {others}")
        if not self.counts:
            raise NothingSeenError(
                f"{self.name}: torch.profiler recorded no operator: none ran on the calling thread.\n"
                "What works outside of torch's operators (numpy, another library or process) is not seen."
            )

    @property
    def basis(self) -> str:
        """What the figures stand on."""
        calls = "one call" if self.steps == 1 else f"{self.steps} steps"
        return f"{calls} under torch.profiler, wall time, {self.threads} thread{'s' * (self.threads != 1)}"

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        return f"{self.name}: {self.basis}\n{self.table()}"

    def to_dict(self) -> dict[str, object]:
        """For the record: what takes most of the time, by operator, input shapes and module, one step on the time axis,
        and the counts of all.
        """
        shaped = [a for a in self._averages(group_by_input_shape=True) if _is_operator(a)]
        modules = sorted(self._modules.items(), key=lambda row: -row[1].self_time)
        return {
            "steps": self.steps,
            "basis": self.basis,
            "seconds": self.seconds,
            "device_seconds": self.device_seconds,
            "flops": self.flops,
            "counts": self.counts,
            "operators": [_operator(a) for a in _busiest(self.operators)],
            "shapes": [{**_operator(a), "shapes": _shapes(a)} for a in _busiest(shaped)],
            "modules": [{"module": name, **asdict(m)} for name, m in modules[:SHOWN]],
            "step": first_step(self.torch_profiler.events()),
            "trace": self.trace,
        }


def _refuse_unknown(pattern: str) -> None:
    """Raise MeasurementError for a pattern of torch's own operators that none of them has: its count would be 0."""
    import torch

    if not pattern.startswith("aten::"):
        return
    known = {name.partition(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    if not any(fnmatchcase(name, pattern) for name in known):
        hint = did_you_mean(pattern, known)
        raise MeasurementError(
            f"torch has no operator {pattern!r}, so it is never called{f'; {hint}' if hint else ''}"
        )


def _is_operator(average: Average) -> bool:
    """Not a kernel, whose name may be one of C++: they are in the averages too."""
    return "::" in average.key and not average.is_user_annotation and average.device_type.name == "CPU"


def _busiest(averages: Iterable[Average]) -> list[Average]:
    """Those with the most time of their own, on device and host."""
    return sorted(averages, key=lambda a: -(a.self_device_time_total or 0) - a.self_cpu_time_total)[:SHOWN]


def _shapes(average: Average) -> list[list[int]]:
    """The shapes of the tensors among the arguments."""
    given = average.input_shapes if isinstance(average.input_shapes, list) else []
    return [
        shape for shape in given if isinstance(shape, list) and all(type(n) is int for n in shape) and shape
    ]


def _operator(average: Average) -> dict[str, object]:
    return {
        "name": average.key,
        "calls": average.count,
        "self_time": average.self_cpu_time_total * 1e-6,
        "time": average.cpu_time_total * 1e-6,
        "self_device_time": average.self_device_time_total * 1e-6,
        "memory": average.self_cpu_memory_usage + average.self_device_memory_usage,
        "flops": int(average.flops),
    }


def _on_device(event: Event) -> float:
    """Microseconds of the kernels that it and what it called launched; torch's own sum has some of them twice."""
    return sum(kernel.duration for kernel in event.kernels) + sum(
        _on_device(child) for child in event.cpu_children if child.name != BUFFER
    )


def _path(event: Event) -> str:
    return str(event.name[len(MODULE) :])


def _enclosing(event: Event) -> Event | None:
    """The range of the module that called."""
    return next((parent for parent in parents(event) if parent.name.startswith(MODULE)), None)


def _by_module(events: Iterable[Event]) -> Counter[str]:
    """How many of them each module makes; "" is the model itself."""
    callers = (_enclosing(event) for event in events)
    return Counter("" if caller is None else _path(caller) for caller in callers)


def _measurement(calls: Mapping[str, int], modules: Counter[str], notes: tuple[str, ...]) -> Measurement:
    """Calls by name in all; the modules that make them, the most often first."""
    parts = tuple(Contributor(name or ROOT, n) for name, n in modules.most_common())
    return Measurement(sum(calls.values()), contributors=parts, notes=notes)

"""One profiled forward call, and what torch.profiler says of it."""

from __future__ import annotations

import gzip
import shutil
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from ..errors import MeasurementError
from ..observe import observe
from ..subject import Subject, locate_failure
from ..verdict import Contributor, Measurement

HOST_SYNCS = (  # what must know a value on the host before it can go on
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::equal",
    "aten::_unique",
    "aten::_unique2",
    "aten::unique_dim",
    "aten::unique_consecutive",
)


class Profile:
    """A finished torch.profiler run. `torch_profiler` is the original, for all that is not here."""

    def __init__(self, name: str, torch_profiler: Any) -> None:
        self.name, self.torch_profiler = name, torch_profiler
        self.averages = torch_profiler.key_averages()

    @property
    def counts(self) -> dict[str, int]:
        """Calls of each operator, operators inside operators too: `key_averages`' own counts."""
        return {a.key: a.count for a in self.averages if "::" in a.key and not a.is_user_annotation}

    @property
    def flops(self) -> int:
        """The sum of the FLOPs that torch.profiler knows a formula for (matrix products and convolutions)."""
        return int(sum(a.flops for a in self.averages))

    def table(self, sort_by: str | None = "self_cpu_time_total", row_limit: int = 20, **keywords: Any) -> str:
        """The table of `key_averages()`; its times are wall times."""
        return str(self.averages.table(sort_by=sort_by, row_limit=row_limit, **keywords))

    def by_shape(self, sort_by: str | None = "self_cpu_time_total", row_limit: int = 20) -> str:
        """The same, a row for each combination of input shapes."""
        averages = self.torch_profiler.key_averages(group_by_input_shape=True)
        return str(averages.table(sort_by=sort_by, row_limit=row_limit))

    def export_chrome_trace(self, path: str | Path) -> Path:
        """Write the trace, gzipped where `path` ends in `.gz`; open it at https://ui.perfetto.dev."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix != ".gz":
            self.torch_profiler.export_chrome_trace(str(target))
            return target
        with tempfile.TemporaryDirectory() as folder:
            plain = Path(folder, "trace.json")
            self.torch_profiler.export_chrome_trace(str(plain))
            with plain.open("rb") as source, gzip.open(target, "wb") as packed:
                shutil.copyfileobj(source, packed)
        return target

    def calls_of(self, operator: str) -> Measurement:
        """The calls of all operators that match the name or pattern."""
        matching = {name: n for name, n in self.counts.items() if fnmatchcase(name, operator)}
        return _measurement(matching)

    def host_syncs(self) -> Measurement:
        """The calls after which the host waited."""
        return _measurement({name: n for name, n in self.counts.items() if name in HOST_SYNCS})

    def __str__(self) -> str:
        return self.table()


def _measurement(calls: dict[str, int]) -> Measurement:
    ranked = sorted(calls.items(), key=lambda pair: -pair[1])
    return Measurement(sum(calls.values()), contributors=tuple(Contributor(name, n) for name, n in ranked))


def profile(subject: Subject) -> Profile:
    """Profile one forward call in eval and inference mode, after one that warms up.

    Raises MeasurementError if a profiler is active already, ModelRunError if the model raises.
    """
    if torch.autograd._profiler_enabled():
        raise MeasurementError(
            f"{subject.name}: a profiler is active already, and there can be only one.\n"
            "Leave the outer torch.profiler block before, or read the counts from it."
        )
    inputs = subject.require_inputs()
    activities = [ProfilerActivity.CPU]
    if subject.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    settings: dict[str, Any] = dict.fromkeys(("record_shapes", "profile_memory", "with_flops"), True)
    profiler = torch.profiler.profile(activities=activities, **settings)
    with (
        observe(subject.module, guard=False) as guard,
        torch.inference_mode(),
        locate_failure(subject, inputs),
    ):
        with guard:
            subject.module(*inputs.args, **inputs.kwargs)
        with profiler:
            subject.module(*inputs.args, **inputs.kwargs)
    return Profile(subject.name, profiler)

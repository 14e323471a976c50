"""Measure the latency of a subject: one call sampled until it is decided, or a sweep over batch sizes."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from ...errors import MeasurementError, ModelRunError
from ...model.shapes import sizes
from ...model.state.steady import reset_between
from ...model.subject import Inputs, Subject, locate_failure
from ...text import not_one_of
from .clock import UNTOLD, Call, Clock, ThreadClock, UntoldClock, WallClock, clock_for
from .intervals import COARSE, ERROR
from .region import load_average, timed_region
from .result import QUANTILES, Latency, LatencySweep
from .sampling import CAP, WARMUP, Samples, sample
from .trend import Doubt, trend
from .workload import Prepare, grad_mode, own_gradients, workload

PRECISION = 0.02  # half the interval's width, as a share of the value, at which a plain measurement ends
PATIENCE = 10.0  # seconds, its cap
Decided = Callable[[Latency], bool]


def measure(
    subject: Subject,
    *,
    statistic: str = "median",
    threads: int = 1,
    phase: str = "forward",
    decided: Decided | None = None,
    cap: float | None = None,
    warmup: float = WARMUP,
    clock: Clock | None = None,
) -> Latency:
    """Time calls of the model until `decided(latency)`; without it until the interval is within 2 %.

    `statistic`: "median", "p90", "p95" or "p99"; `phase`: "forward" (eval, no gradients), "backward" or
    "training_step" (forward and backward, train mode). It ends with the call that is running when `cap` seconds are
    over, the warm-up's among them (30 for a limit; without one 10, and 30 where so few calls have no interval), and the
    interval is as wide as it then is. Where thread CPU time is the clock and the model turns out to wait, or to compute
    on other threads, the wall decides. Calls that seem to grow are sampled on, and their `trend` is told. Raises
    ModelRunError that names the call if the model raises, MeasurementError for unknown words.
    """
    if statistic not in QUANTILES:
        raise MeasurementError(not_one_of("statistic", statistic, QUANTILES))
    clock = clock or clock_for(subject.device, threads)
    patience = PATIENCE if cap is None and not decided else None
    cap = CAP if cap is None else cap
    inputs = subject.require_inputs().copied()
    prepare = workload(subject, inputs, phase)
    samples, doubt = Samples(), Doubt()
    waited = 0.0

    def result() -> Latency:
        blind = UNTOLD if isinstance(clock, UntoldClock) else ""
        if isinstance(clock, ThreadClock):
            blind = samples.unseen(1 - QUANTILES[statistic])
        return Latency(
            name=subject.name,
            samples=tuple(samples.wall if blind else samples.seconds),
            wall=tuple(samples.wall),
            phase=phase,
            batch=batch_size(inputs),
            clock=WallClock.name if blind else clock.name,
            unseen=blind,
            unsaved=subject.unsaved,
            threads=threads,
            load=load_average(),
            waited=waited,
            environment=environment(subject.device),
            statistic=statistic,
        )

    def done(_: Samples) -> bool:
        seen = result()
        return (decided or _is_precise)(seen) and not doubt.holds(seen.samples)

    with (
        subject.restored(train=phase != "forward", guard=False) as guard,
        _numbered(samples, subject, inputs),
        own_gradients(subject.module) if phase != "forward" else nullcontext(),
    ):
        begun = clock.now()
        with guard, grad_mode(phase):  # first calls under watch: what they write to is put back in the end
            prepare = _as_given(prepare, inputs, samples)
        taken = clock.now() - begun
        with timed_region(threads) as waited, grad_mode(phase):
            begun = clock.now() - taken
            sample(prepare, clock, done, samples, warmup=warmup, cap=cap, patience=patience, begun=begun)
    return _closed(result())


def _as_given(prepare: Prepare, inputs: Inputs, samples: Samples) -> Prepare:
    """The same, after two calls; each one to come begins with the inputs as they were given."""

    def call() -> None:
        samples.calls += 1
        prepare()()

    reset = reset_between((inputs.args, inputs.kwargs), call)
    if reset is None:
        return prepare

    def prepared() -> Call:
        reset()
        return prepare()

    return prepared


def _closed(latency: Latency) -> Latency:
    """What is told when sampling has ended: a trend; of few calls the interval that they have."""
    few = not all(map(math.isfinite, latency.interval)) or not latency.interval[0]
    return replace(latency, trend=trend(latency.samples), error=COARSE if few else ERROR)


class _numbered(locate_failure):
    """A model that raises only in its tenth call: say so."""

    def __init__(self, samples: Samples, subject: Subject, inputs: Inputs) -> None:
        super().__init__(subject, inputs)
        self.samples = samples

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if not isinstance(error, MeasurementError):
                super().__exit__(kind, error, traceback)
        except ModelRunError as located:
            if self.samples.calls < 2:
                raise
            raise ModelRunError(
                f"{located}\nIt was call {self.samples.calls} with the same inputs; those before went well."
            ) from error


def _is_precise(latency: Latency) -> bool:
    low, high = latency.interval
    return high - low <= 2 * PRECISION * latency.estimate.value


def sweep(subject: Subject, batch_sizes: Iterable[int], **options: Any) -> LatencySweep:
    """`measure` for each batch size. Raises MeasurementError naming a size that does not fit into memory."""
    return LatencySweep(_batch(subject, size, options) for size in batch_sizes)


def _batch(subject: Subject, size: int, options: dict[str, Any]) -> Latency:
    resized = subject.on(rebatched(subject.name, subject.require_inputs(), size))
    try:
        return measure(resized, **options)
    except ModelRunError as error:
        if _out_of_memory(error):
            torch.cuda.empty_cache()
            raise MeasurementError(
                f"{subject.name}: batch size {size} does not fit into memory; give smaller batch_sizes.\n{error}"
            ) from error
        raise ModelRunError(f"at batch size {size}: {error}") from error


def _out_of_memory(error: ModelRunError) -> bool:
    cause = error.__cause__
    words = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(cause, MemoryError) or any(word in str(cause).lower() for word in words)


def batch_size(inputs: Inputs) -> int | None:
    """The first dimension of the first tensor that has one."""
    return next((sizes(t)[0] for t in inputs.tensors if t.dim()), None)


def rebatched(name: str, inputs: Inputs, size: int) -> Inputs:
    """The inputs with another batch size: tensors that share the first dimension repeat or lose items.

    Raises MeasurementError for a size that is no whole number above 0, and for inputs without a batch.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise MeasurementError(f"{name}: batch size {size!r} is not a whole number above 0")
    now = batch_size(inputs)
    if not now:
        raise MeasurementError(f"{name}: the inputs ({inputs}) have no batch dimension to change")

    def resize(leaf: object) -> object:
        if not isinstance(leaf, Tensor) or not leaf.dim() or leaf.shape[0] != now:
            return leaf
        return leaf[torch.arange(size, device=leaf.device) % now]

    try:
        return inputs.map(resize)
    except (MemoryError, RuntimeError) as error:
        raise MeasurementError(
            f"{name}: inputs of batch size {size} do not fit into memory: {error}"
        ) from error


def environment(device: torch.device) -> dict[str, str]:
    """What a time depends on."""
    found = {
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "device": str(device),
        "CPU capability": torch.backends.cpu.get_cpu_capability(),
    }
    if device.type == "cuda":
        found["device"] = torch.cuda.get_device_name(device)
    return found

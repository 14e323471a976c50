"""Which of two is slower, and by how much: chunks until the interval decides, or the cap ends it."""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from ...errors import MeasurementError, SubjectError
from ...model.observe import observe
from ...model.state.steady import reset_between
from ...model.subject import Inputs, Subject, locate_failure
from ...text import first_line_repr
from ...verdict.judge import decides
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.message import signed
from ...verdict.units import RATIO, SECONDS
from ..reported import Reported
from .clock import Call, Clock, UntoldClock, WaitingClock, WallClock, clock_for
from .intervals import TOO_FEW, mean_interval
from .metrics import SLOWDOWN
from .paired import CHUNKS, Chunk, PairedSampler, Side
from .region import load_average, timed_region

CAP = 30.0  # seconds
Copied = TypeVar("Copied")
MARGIN = 0.4  # where the line lies, as a share of the slowdown that must not be missed
PRECISION = 0.005  # half the interval's width at which a comparison without a limit ends


@dataclass(frozen=True)
class LatencyComparison(Reported):
    """How much slower `b` is than `a`, as a share of `a`: 0.05 means 5 % slower, negative means faster.

    `interval` contains the true share (error 1e-3 at each look, one look a chunk); there is none of a few chunks.
    `shared` of `tensors` tensors of b were those of a.
    """

    section = "latency"

    chunks: tuple[Chunk, ...]
    shared: int
    tensors: int
    clock: str
    threads: int
    elapsed: float
    load: float
    waited: float = 0.0
    names: tuple[str, str] = ("a", "b")
    protocol: str = ""  # how the two came side by side, where there is a choice
    notes: tuple[str, ...] = ()  # what to bear in mind

    @property
    def regression(self) -> float:
        """The best guess: the mean of all chunks."""
        return math.expm1(statistics.fmean(chunk.log_ratio for chunk in self.chunks))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end."""
        if len(self.chunks) < CHUNKS:
            return None
        low, high = mean_interval([chunk.log_ratio for chunk in self.chunks])
        return math.expm1(low), math.expm1(high)

    @property
    def seconds(self) -> tuple[float, float]:
        """The typical best call of a and b, in seconds: what the ratio was made from, not a latency to gate on.

        The typical mean of models that wait.
        """
        return _medians([chunk.seconds for chunk in self.chunks])

    @property
    def wall(self) -> tuple[float, float]:
        """The same on the wall."""
        return _medians([chunk.wall for chunk in self.chunks])

    @property
    def times(self) -> str:
        """`5.2 ms against 5 ms of a per call, each at its best; on the wall 5.3 ms against 5.1 ms`."""
        waits = self.clock in (WaitingClock.name, UntoldClock.name)
        how = "on average" if waits else "each at its best"
        said = f"{_against(self.seconds, f' of {self.names[0]}')} per call, {how}"
        if self.clock.startswith(WallClock.name):
            return said
        return f"{said}; on the wall {_against(self.wall)}"

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        span = TOO_FEW if self.interval is None else " to ".join(map(signed, self.interval))
        return f"{signed(self.regression)} ({span}), {self.basis}"

    @property
    def basis(self) -> str:
        """What the figures stand on."""
        return (
            f"{len(self.chunks)} paired chunks in {self.elapsed:.1f} s, {self.clock}, "
            f"{self.threads} thread{'s' * (self.threads != 1)}, {self.shared} of {self.tensors} tensors shared"
        )

    def to_dict(self) -> dict[str, object]:
        """For the record."""
        return {
            "kind": "comparison",
            "names": list(self.names),
            "protocol": self.protocol,
            "notes": list(self.notes),
            "basis": self.basis,
            "regression": self.regression,
            "interval": list(self.interval or (None, None)),
            "seconds": list(self.seconds),
            "wall": list(self.wall),
            "chunks": [math.expm1(chunk.log_ratio) for chunk in self.chunks],
            "shared": self.shared,
            "tensors": self.tensors,
            "clock": self.clock,
            "threads": self.threads,
            "elapsed": self.elapsed,
            "load": self.load,
            "waited": self.waited,
        }


def _medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    a, b = zip(*pairs, strict=True)
    return statistics.median(a), statistics.median(b)


def _against(seconds: tuple[float, float], whose: str = "") -> str:
    a, b = map(SECONDS.format, seconds)
    return f"{b} against {a}{whose}"


Decided = Callable[[LatencyComparison], bool]


def read_comparison(seen: LatencyComparison, max_regression: object = None) -> Measurement:
    """The slowdown and its interval, for the judge of `slowdown_limit`."""
    notes = [seen.basis, *seen.notes]
    if max_regression is not None:
        promise = RATIO.format(RATIO.parse(max_regression))
        notes.append(f"so that a slowdown of {promise} is not missed, the line lies at two fifths of it")
    if seen.waited >= 0.1:
        notes.append(f"waited {seen.waited:.1f} s for other timed checks")
    return Measurement(
        seen.regression,
        seen.interval or (-math.inf, math.inf),
        aka=seen.times,
        notes=tuple(notes),
        protocol=seen.protocol,
        beside=seen.clock,
    )


def compare_latency(
    a: object,
    b: object,
    inputs: object = None,
    *,
    max_regression: object = None,
    threads: int = 1,
    cap: float = CAP,
) -> LatencyComparison:
    """Time `b` against `a` in this process, in turns, on tensors they share: how much slower is `b`?

    `a`, `b`: modules that take `inputs` (as ModelCheck does), ModelChecks, or callables without arguments (which keep
    the memory they have). It ends when the interval tells whether `b` is slower by `max_regression` ("5%"; see
    `slowdown_limit`), without one at half a per cent on either side, at the latest after `cap` seconds.
    Raises ModelRunError if a model raises, SubjectError for models without inputs, MeasurementError if one cannot be
    copied.
    """
    sides = [_side(given, inputs) for given in (a, b)]
    decided = is_precise if max_regression is None else slowdown_decided(max_regression)
    return compare_sides(sides[0], sides[1], decided, threads=threads, cap=cap)


def slowdown_limit(max_regression: object) -> Limit:
    """The limit under which a slowdown of `max_regression` is not missed: the line lies at two fifths of it.

    A line at the slowdown itself would miss it every second time, however well one measures.
    """
    return Limit(SLOWDOWN, max=MARGIN * RATIO.parse(max_regression))


def slowdown_decided(max_regression: object) -> Decided:
    """Whether a comparison so far decides `slowdown_limit(max_regression)`."""
    limit = slowdown_limit(max_regression)
    return lambda seen: decides(limit, read_comparison(seen))


def compare_sides(
    a: Side,
    b: Side,
    decided: Decided | None = None,
    *,
    threads: int = 1,
    cap: float = CAP,
    clock: Clock | None = None,
    seed: int | None = None,
    names: tuple[str, str] = ("a", "b"),
) -> LatencyComparison:
    """Chunk after chunk until `decided` (None: until it is precise), at the latest after `cap` seconds."""
    clock = clock or clock_for(_device(a), threads)
    sampler = PairedSampler(a, b, clock, seed=seed)
    with (
        observe(*a.watched, *b.watched, guard=False),
        timed_region(threads) as waited,
    ):  # a guard would watch, and slow, each operator
        seen = chunk_by_chunk(sampler, decided or is_precise, threads=threads, cap=cap)
    return replace(seen, waited=waited, names=names)


class Sampler(Protocol):
    """Gives chunks that are independent of each other."""

    @property
    def clock(self) -> Clock:
        """Whose time it takes."""

    def chunk(self) -> Chunk:
        """One more."""

    @property
    def shared(self) -> int:
        """How many tensors of `b` are also tensors of `a`."""

    @property
    def tensors(self) -> int:
        """How many tensors `b` has."""


def chunk_by_chunk(sampler: Sampler, decided: Decided, *, threads: int, cap: float) -> LatencyComparison:
    """What `compare_sides` does inside its timed region."""
    chunks: list[Chunk] = []
    now, name = sampler.clock.now, sampler.clock.name
    start = now()
    while True:
        chunk = sampler.chunk()
        clock, elapsed = sampler.clock, now() - start
        if clock.name != name:  # figures of two clocks are no sample
            chunks, name = [], clock.name
        chunks.append(chunk)
        counts = sampler.shared, sampler.tensors
        seen = LatencyComparison(tuple(chunks), *counts, clock.name, threads, elapsed, load_average())
        if elapsed >= cap or (len(chunks) >= CHUNKS and decided(seen)):
            return seen


def is_precise(comparison: LatencyComparison) -> bool:
    """Whether the interval is half a per cent wide on either side."""
    low, high = comparison.interval or (-math.inf, math.inf)
    return high - low <= 2 * PRECISION


def _device(side: Side) -> torch.device:
    return side.tensors[0].device if side.tensors else torch.device("cpu")


def _side(given: object, inputs: object) -> Side:
    if isinstance(given, nn.Module):
        return subject_side(
            Subject(type(given).__name__, given, None if inputs is None else Inputs.of(inputs))
        )
    if hasattr(given, "subject"):
        return subject_side(given.subject)
    if callable(given):
        return Side((), lambda copies: given)
    raise SubjectError(f"compare_latency takes modules, ModelChecks or callables, not {given!r}")


def subject_side(subject: Subject) -> Side:
    """A model and its inputs as a side: each build is a deep copy over other tensors, in eval mode."""
    inputs = subject.require_inputs()
    module = subject.module
    own = [*module.parameters(), *module.buffers(), *inputs.tensors]
    tensors = list({id(tensor): tensor for tensor in own}.values())
    grows = [True]  # as far as is known

    def build(copies: Sequence[Tensor]) -> Call:
        replaced: dict[int, Tensor] = {id(old): new for old, new in zip(tensors, copies, strict=True)}
        module, args, kwargs = _copied(subject, (subject.module, inputs.args, dict(inputs.kwargs)), replaced)
        call = _located(subject, module.eval(), Inputs(args, kwargs))
        if grows[0]:
            with torch.no_grad():
                reset = reset_between((args, kwargs), call)
            vars(call)["reset"], grows[0] = reset, reset is not None
        return call

    return Side(tensors, build, (module, (inputs.args, inputs.kwargs)))


def _copied(subject: Subject, given: Copied, replaced: dict[int, Tensor]) -> Copied:
    """The model and what it is called with, as one: they may share what they keep."""
    try:
        return copy.deepcopy(given, dict(replaced))
    except Exception as error:
        raise MeasurementError(
            f"{subject.name} cannot be copied ({type(error).__name__}: {error}), and a paired comparison runs on "
            "copies.\nCompare callables instead: compare_latency(lambda: old(x), lambda: new(x))."
        ) from error


def _located(subject: Subject, module: nn.Module, inputs: Inputs) -> Call:
    """The call; where the model raises, it says where. Entered once here, so that a timed call pays nothing."""
    locate = locate_failure(Subject(subject.name, module, inputs), inputs)
    args, kwargs = inputs.args, dict(inputs.kwargs)

    def call() -> object:
        try:
            return module(*args, **kwargs)
        except Exception as error:
            locate.__exit__(type(error), error, error.__traceback__)
            raise

    return call

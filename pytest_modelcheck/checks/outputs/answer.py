"""One forward of a model: what it answers, and what its modules gave on the way."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import MeasurementError, in_short
from ...model.calls import hooked
from ...model.eager import eager
from ...model.guard import only_reads
from ...model.subject import Inputs, Subject
from .leaves import opened
from .modules import Trace, traced

SEED = 2020
NOISE = 4  # times the dtype's precision


@dataclass(frozen=True)
class Answer:
    """`outputs` by path, `others`: what it returns besides and no values has; `trace` is None where nobody asked.

    `idle`: why it is the model as written that answered, where something else was asked for; "" else.
    """

    outputs: Mapping[str, Tensor]
    others: tuple[str, ...] = ()
    trace: Trace | None = None
    inputs: Sequence[Tensor] = ()
    idle: str = ""

    def plain(self) -> dict[str, Any]:
        """For another process: numbers, texts and tensors."""
        trace = self.trace.plain() if self.trace is not None else None
        return {"outputs": dict(self.outputs), "others": list(self.others), "trace": trace}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Answer:
        """What `plain` gave."""
        trace = Trace.read(given["trace"]) if given["trace"] is not None else None
        return cls(given["outputs"], tuple(given["others"]), trace)


def answer(subject: Subject, inputs: Inputs | None = None, *, trace: bool = True) -> Answer:
    """The model's, in eval mode; nothing stays of it. Raises ModelRunError."""
    with undone(subject), seeded():
        return call(subject, inputs, trace=trace)


@contextmanager
def undone(subject: Subject) -> Iterator[None]:
    """A block that calls the model as it is, and leaves no trace."""
    with subject.restored(guard=not only_reads(subject.module)):
        yield


def call(
    subject: Subject,
    inputs: Inputs | None = None,
    *,
    trace: bool = True,
    run: Callable[[Inputs], object] | None = None,
    take: Callable[[Tensor], Tensor] | None = None,
) -> Answer:
    """One forward, in a block that restores it; `run` in place of the model's own, `take`: what of a tensor in it
    counts.
    """
    given = (inputs or subject.require_inputs()).copied(gradients=False)
    kept = given.copied(gradients=False).tensors
    with torch.no_grad(), traced(subject.module, take) if trace else nullcontext() as found:
        output = as_written(subject, given) if run is None else run(given)
    held = opened(output)
    tensors = {path: tensor.clone() for path, tensor in held.tensors.items()}
    return Answer(tensors, held.others, found, kept)


def as_written(subject: Subject, inputs: Inputs) -> object:
    """What the model returns where what was compiled in place runs eagerly. Raises ModelRunError."""
    with eager():
        return subject.run(inputs)


def shaken_trace(subject: Subject) -> Trace:
    """The trace of a call in which what each innermost module is given gets noise of the size of rounding."""
    inner = {part for part in subject.module.modules() if not any(True for _ in part.children())}
    generator = torch.Generator().manual_seed(SEED)

    def shaken(value: object) -> object:
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return value
        noise = torch.randn(value.shape, generator=generator).to(value)
        return value * (1 + NOISE * torch.finfo(value.dtype).eps * noise)

    def shake(module: nn.Module, args: tuple[object, ...]) -> tuple[object, ...] | None:
        return tuple(map(shaken, args)) if module in inner else None

    with undone(subject), seeded(), hooked(shake):
        trace = call(subject).trace
    assert trace is not None
    return trace


def refused(subject: Subject, by: str, error: Exception) -> MeasurementError:
    """In the words of the innermost error: those around it tell how to report it."""
    return MeasurementError(f"{subject.name}: {by} does not run it: {in_short(innermost(error))}")


def innermost(error: Exception) -> Exception:
    """The one that all others were raised for; those of torch's compilers name theirs."""
    while isinstance(inner := getattr(error, "inner_exception", None) or error.__cause__, Exception):
        error = inner
    return error


@contextmanager
def seeded(seed: int = SEED) -> Iterator[None]:
    """A block that begins with the same random numbers each time; what restores the model restores the generators."""
    torch.manual_seed(seed)
    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(seed)
    yield

"""Run a phase and watch what is alive: under fake tensors, without computing anything; for real where it must be."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ...errors import MeasurementError, at_length, in_short, out_of_sight
from ...model.calls import module_calls
from ...model.eager import eager
from ...model.garbage import uncollected
from ...model.observe import is_scripted
from ...model.shared import shared
from ...model.subject import Subject, locate_failure
from ...model.undoing import late, patched
from ...text import not_one_of
from ...verdict.phases import PHASES
from .allocator import allocator_of
from .live import (
    ACTIVATION,
    BACKWARD,
    FORWARD,
    GRADIENT,
    INPUT,
    PARAMETER,
    STATE,
    Event,
    LiveTensors,
    UnknownSize,
    asks_for_a_device,
)
from .phase import MakeOptimizer, OptimizerError, Phase, make_optimizer
from .result import KINDS, PeakMemory, left_for_backward, timeline, worst


@shared(by_shapes=lambda result: result.counted_on == "fake" and result.allocated is None)
def peak_memory(
    subject: Subject,
    *,
    phase: str = "forward",
    optimizer: str | MakeOptimizer = "SGD",
    measured: bool | None = None,
) -> PeakMemory:
    """The worst moment of one phase, in live tensors.

    `phase`: "forward" (eval, no gradients), "backward" (the worst moment after a forward in train mode) or
    "training_step" (forward, backward from the sum of the outputs, a step of `optimizer`: the name of a class of
    torch.optim, or a callable that makes one of the parameters; its second step, when its state is there).
    `measured`: make a real call too, and ask the allocator; None does so on CUDA.
    Raises ModelRunError if the model raises, MeasurementError for unknown words and where nothing can be trained.
    """
    if phase not in PHASES:
        raise MeasurementError(not_one_of("phase", phase, PHASES))
    make = make_optimizer(optimizer, subject.device) if phase == "training_step" else None
    try:
        found = _counted(subject, phase, make, fake=True)
    except Exception as error:
        if isinstance(error, MeasurementError) and not isinstance(error, OptimizerError):
            raise
        reason = str(error) if isinstance(error, UnknownSize) else in_short(error)
        details = at_length(error, reason)
        with locate_failure(subject, subject.require_inputs()):
            found = replace(_counted(subject, phase, make, fake=False), reason=reason, details=details)
    if measured or (measured is None and subject.device.type == "cuda"):
        found = _allocated(subject, phase, make, found)
    return found


@contextmanager
def _without_log() -> Iterator[None]:
    """Without the tracebacks that fake tensors log of what they cannot do: the reason is told with the figure."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    with patched(logger, disabled=True):
        yield


def _counted(subject: Subject, phase: str, make: MakeOptimizer | None, *, fake: bool) -> PeakMemory:
    """Count live tensors; `make` makes the optimizer of a training step."""
    if fake and is_scripted(subject.module.modules()):
        raise UnknownSize("a TorchScript module cannot run on copies of its tensors")
    live = LiveTensors(subject.module, fake=fake)
    with uncollected():  # the first one imports torch's compiler
        mode = FakeTensorMode(allow_non_fake_inputs=True) if fake else None
    with (
        _without_log(),
        late(asks_for_a_device) if fake else nullcontext(live.before_operator) as live.before_operator,
        _ready(subject, phase, replaced=fake),
        mode or nullcontext(),
        module_calls(live.modules.enter, live.modules.leave, live.modules.elsewhere),
    ):
        run = Phase(subject, phase, make, mode, live)
        run.once()
        if make is not None:
            run.clear()
            live.restart()
            run.once()
    index, owners = worst(live.events, BACKWARD if phase == "backward" else None)
    kinds = {kind: sum(size for (k, _), size in owners.items() if k == kind) for kind in KINDS}
    at = live.events[index] if live.events else Event(0, ACTIVATION, "", FORWARD, 0)
    return PeakMemory(
        phase=phase,
        activations=kinds[ACTIVATION],
        parameters=kinds[PARAMETER],
        inputs=kinds[INPUT],
        gradients=kinds[GRADIENT],
        optimizer_state=kinds[STATE],
        saved=left_for_backward(live.events),
        at=at.module,
        during=at.during,
        peak_operator=at.operators,
        timeline=timeline(live.events),
        parts=tuple(live.parts),
        operators=live.operators,
        holders={module: size for (kind, module), size in owners.items() if kind == ACTIVATION},
        owners=owners,
        counted_on="fake" if fake else "real",
        optimizer=run.optimizer_name,
        unseen=_unseen(live),
        unsaved=subject.unsaved,
    )


def _unseen(live: LiveTensors) -> str:
    """What to say where the model did its work out of sight; empty if it did not."""
    if live.modules.others:
        return out_of_sight(live.modules.others, "the count of live tensors")
    if live.working:
        return ""
    ran = f"{live.operators} ran, which only made views" if live.operators else "none at all ran"
    return (
        f"saw no operator that makes or writes to a tensor: {ran}.\n"
        "What works outside of torch's operators (numpy, another library or process) is not seen."
    )


def _allocated(subject: Subject, phase: str, make: MakeOptimizer | None, counted: PeakMemory) -> PeakMemory:
    """`counted`, with what the allocator gives out in a real call (the second: the first one fills caches)."""
    allocator = allocator_of(subject.device)
    with _ready(subject, phase), locate_failure(subject, subject.require_inputs()):
        run = Phase(subject, phase, make)
        run.once()
        run.clear()  # what came before must not go within: the profiler would count it off
        used = allocator.peak(lambda: run.once(allocator.forget if phase == "backward" else None))
    stays = counted.parameters + counted.inputs + counted.optimizer_state
    return replace(counted, allocated=used + stays, allocator=allocator.name)


@contextmanager
def _ready(subject: Subject, phase: str, *, replaced: bool = False) -> Iterator[None]:
    """The model and torch as they must be: nothing compiled, gradients where they are needed."""
    with subject.restored(train=phase != "forward", replaced=replaced):
        torch.backends.mha.set_fastpath_enabled(False)  # fake tensors do not know it; observe() restores it
        with eager(), torch.no_grad() if phase == "forward" else torch.enable_grad():
            yield

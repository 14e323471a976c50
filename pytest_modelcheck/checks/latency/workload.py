"""What a timed call is, for each phase: forward alone, backward alone, or both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import nn

from ...errors import MeasurementError
from ...model.subject import Inputs, Subject, differentiable_sums
from ...verdict.phases import PHASES
from .clock import Call

Prepare = Callable[[], Call]  # makes the next call to time; what it does itself is not timed


def workload(subject: Subject, inputs: Inputs, phase: str) -> Prepare:
    """The calls of `subject` on `inputs`. Gradients go to no `.grad`: they are asked for and dropped.

    Raises MeasurementError for an unknown phase, for a model without a parameter to train, and in the call where no
    output depends on one.
    """
    if phase not in PHASES:
        raise MeasurementError(f"phase={phase!r} is not one of {', '.join(map(repr, PHASES))}")
    module, args, kwargs = subject.module, inputs.args, dict(inputs.kwargs)

    def forward() -> object:
        return module(*args, **kwargs)

    if phase == "forward":
        return lambda: forward
    differentiate = _backward(module, subject.name)
    if phase == "training_step":
        return lambda: lambda: differentiate(forward())

    def prepare() -> Call:
        output = forward()
        return lambda: differentiate(output)

    return prepare


def grad_mode(phase: str) -> AbstractContextManager[object]:
    """As a user calls a model: without gradients where nothing is differentiated.

    Not inference mode, in which what a model differentiates itself fails, or is zero without a word.
    """
    return torch.no_grad() if phase == "forward" else torch.enable_grad()


def _backward(module: nn.Module, name: str) -> Callable[[object], object]:
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise MeasurementError(f"{name}: nothing to differentiate; no parameter requires a gradient")

    def differentiate(output: object) -> object:
        return torch.autograd.grad(differentiable_sums(output, name), parameters, allow_unused=True)

    return differentiate

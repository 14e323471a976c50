"""What a timed call is, for each phase: forward alone, backward alone, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn

from ...errors import MeasurementError
from ...model.subject import Inputs, Subject, differentiable_sums
from ...text import not_one_of
from ...verdict.phases import PHASES
from .clock import Call

Prepare = Callable[[], Call]  # makes the next call to time; what it does itself is not timed


def workload(subject: Subject, inputs: Inputs, phase: str) -> Prepare:
    """The calls of `subject` on `inputs`, to be made within `own_gradients`: each begins without gradients.

    Raises MeasurementError for an unknown phase, for a model without a parameter to train, and in the call where no
    output depends on one.
    """
    if phase not in PHASES:
        raise MeasurementError(not_one_of("phase", phase, PHASES))
    module, args, kwargs = subject.module, inputs.args, dict(inputs.kwargs)

    def forward() -> object:
        return module(*args, **kwargs)

    if phase == "forward":
        return lambda: forward
    leaves = [*trainable(module, subject.name), *(t for t in inputs.tensors if t.is_leaf)]

    def differentiate(output: object) -> None:
        # not autograd.grad, which re-entrant checkpoints refuse, or leave out
        torch.autograd.backward(differentiable_sums(output, subject.name))

    def prepare() -> Call:
        for leaf in leaves:
            leaf.grad = None
        if phase == "training_step":
            return lambda: differentiate(forward())
        output = forward()
        return lambda: differentiate(output)

    return prepare


def grad_mode(phase: str) -> AbstractContextManager[object]:
    """As a user calls a model: without gradients where nothing is differentiated.

    Not inference mode, in which what a model differentiates itself fails, or is zero without a word.
    """
    return torch.no_grad() if phase == "forward" else torch.enable_grad()


@contextmanager
def own_gradients(module: nn.Module) -> Iterator[None]:
    """In the block, which stands inside `observe()`, gradients are ours: the user's are away, and what hooks on their
    parameters do with new ones (step an optimizer, say) is not done.
    """
    parameters = list(module.parameters())
    hooks = [found for p in parameters if (found := p._post_accumulate_grad_hooks)]
    kept = [dict(found) for found in hooks]
    for parameter in parameters:
        parameter.grad = None
    for found in hooks:
        found.clear()
    try:
        yield
    finally:
        for found, content in zip(hooks, kept, strict=True):
            found.update(content)


def trainable(module: nn.Module, name: str) -> list[nn.Parameter]:
    """The parameters that ask for a gradient. Raises MeasurementError if none does."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise MeasurementError(f"{name}: nothing to differentiate; no parameter requires a gradient")
    return parameters

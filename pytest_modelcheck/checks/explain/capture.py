"""Activation and gradient of one layer, from one forward and the backward of what comes after the layer only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...errors import ExplanationError
from ...model.eager import eager
from ...model.guard import only_reads
from ...model.subject import Inputs, Subject
from ...text import nearest
from .images import Images
from .layers import as_map, first_tensor, flat_graph, spatial_layers
from .targets import Target, score


@dataclass(frozen=True)
class Captured:
    """`activation` and `gradient` of the layer's output (its own shape); `score` and `target` per sample.

    `call` is the layer's call that was captured, from 0. The gradient is zero where the score does not depend.
    """

    activation: Tensor
    gradient: Tensor
    score: list[float]
    target: list[int | str]
    call: int


def capture(subject: Subject, name: str, layer: nn.Module, target: Target, call: int = -1) -> Captured:
    """Run the model once and differentiate the target's score by the layer's output.

    What comes before the layer runs without a graph: its output becomes a leaf, and the model goes on with a copy,
    so that in-place operators behind the layer cannot change what was captured. Writes no `.grad`.
    `call` picks among the calls of a shared module. Raises ExplanationError for layers that are never called and
    for targets that the output does not have.
    """
    inputs = subject.require_inputs().copied(gradients=False)
    leaves: list[Tensor] = []

    def cut(tensor: Tensor) -> Tensor:
        leaves[:] = [tensor.detach().requires_grad_()]
        torch.set_grad_enabled(True)  # the model may be in a no_grad block of its own
        return leaves[0].clone()

    # frozen, so that nothing before the leaf makes a graph
    guard = not only_reads(subject.module)
    with (
        torch.inference_mode(False),
        subject.restored(frozen=True, guard=guard),
        torch.enable_grad(),
    ):
        wanted = call if call >= -1 else _count_calls(subject, inputs, layer) + call
        with replaced_output(layer, wanted, cut) as calls:
            output = subject.run(inputs)
        if not leaves:
            raise _never_called(subject, name, call)
        scores, targets = score(output, target, leaves[0].shape[0])
        gradient = _gradients(scores, leaves)[0]
    last = wanted if wanted >= 0 else calls[0] - 1
    return Captured(leaves[0].detach(), gradient, scores.detach().float().tolist(), targets, last)


def last_that_matters(images: Images, target: Target) -> str | None:
    """The last layer with a map on whose places the score depends; None if there is none.

    In a vision transformer the score reads the class token alone: behind the last attention no patch matters.
    """
    subject, size = images.subject, images.size
    inputs, _ = images.differentiable()
    with torch.inference_mode(False), subject.restored(frozen=True), torch.enable_grad():
        layers = spatial_layers(images, inputs)
        kept = [(name, output) for name, output in reversed(layers) if output is not None]
        if not kept:
            return None
        scores, _ = score(layers.output, target, kept[0][1].shape[0])
        gradients = _gradients(scores, [output for _, output in kept])
    return next((name for (name, _), g in zip(kept, gradients, strict=True) if as_map(g, size).any()), None)


def _gradients(scores: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """By each leaf; zero where the score does not depend on it."""
    if not scores.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(scores.sum(), leaves, allow_unused=True, materialize_grads=True))


def _never_called(subject: Subject, name: str, call: int) -> ExplanationError:
    if call != -1:
        return ExplanationError(f"{subject.name}: layer {name!r} has no call {call} in a forward")
    names = [
        n
        for n, module in subject.module.named_modules()
        if n != name and not isinstance(module, nn.ModuleList)
    ]
    hint = flat_graph(subject.module) or nearest(name, names)
    return ExplanationError(f"{subject.name}: layer {name!r} is never called in a forward; {hint}")


def _count_calls(subject: Subject, inputs: Inputs, layer: nn.Module) -> int:
    with replaced_output(layer, -1, lambda tensor: tensor) as calls:
        subject.run(inputs)
    return calls[0]


@contextmanager
def replaced_output(
    layer: nn.Module, wanted: int, replace: Callable[[Tensor], Tensor]
) -> Iterator[list[int]]:
    """Have call `wanted` of `layer` (-1: each) return `replace(output)`; yields the number of calls, in a list.

    Only in this thread: others may use the model at the same time.
    """
    thread, calls = threading.get_ident(), [0]

    def hook(module: nn.Module, args: object, output: object) -> object:
        if threading.get_ident() != thread:
            return None
        calls[0] += 1
        tensor = first_tensor(output)
        if tensor is None or wanted not in (-1, calls[0] - 1):
            return None
        return _with_first(output, replace(tensor))

    handle = layer.register_forward_hook(hook)
    try:
        with eager():
            yield calls
    finally:
        handle.remove()


def _with_first(output: object, tensor: Tensor) -> object:
    if not isinstance(output, (tuple, list)):
        return tensor
    rest = (tensor, *output[1:])
    if isinstance(output, list):
        return list(rest)
    return type(output)(*rest) if hasattr(output, "_fields") else rest

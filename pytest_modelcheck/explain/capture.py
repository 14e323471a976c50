"""Activation and gradient of one layer, from one forward and the backward of what comes after the layer only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ExplanationError
from ..observe import observe
from ..subject import Inputs, Subject
from .layers import first_tensor, nearest


@dataclass(frozen=True)
class Captured:
    """`activation` and `gradient` of the layer's output (its own shape); `score` and `target` per sample."""

    activation: Tensor
    gradient: Tensor
    score: list[float]
    target: list[int | str]


def capture(subject: Subject, name: str, layer: nn.Module, target: Any, call: int = -1) -> Captured:
    """Run the model once and differentiate the target's score by the layer's output.

    What comes before the layer runs without a graph: its output becomes a leaf, and the model goes on with a copy,
    so that in-place operators behind the layer cannot change what was captured. Writes no `.grad`.
    `call` picks among the calls of a shared module. Raises ExplanationError for layers that are never called and
    for targets that the output does not have.
    """
    inputs = subject.require_inputs().map(_usable)
    with torch.inference_mode(False), observe(subject.module), torch.enable_grad():
        subject.module.requires_grad_(False)  # so that nothing before the leaf makes a graph
        wanted = call if call >= -1 else _count_calls(subject, inputs, layer) + call
        with _leaf_at(layer, wanted) as leaves:
            output = subject.run(inputs)
        if not leaves:
            raise _never_called(subject, name, call)
        scores, targets = score(output, target, leaves[0].shape[0])
        gradient = _gradient(scores, leaves[0], subject, name)
    return Captured(leaves[0].detach(), gradient, scores.detach().float().tolist(), targets)


def _usable(leaf: Any) -> Any:
    """Detached, and a normal tensor where the caller gave one of inference mode."""
    if not isinstance(leaf, Tensor):
        return leaf
    return leaf.clone() if leaf.is_inference() else leaf.detach()


def _gradient(scores: Tensor, leaf: Tensor, subject: Subject, name: str) -> Tensor:
    if scores.requires_grad:
        (gradient,) = torch.autograd.grad(scores.sum(), leaf, allow_unused=True)
        if gradient is not None:
            return gradient
    raise ExplanationError(
        f"{subject.name}: the score does not depend on layer {name!r}; choose one on the way to the output"
    )


def _never_called(subject: Subject, name: str, call: int) -> ExplanationError:
    if call != -1:
        return ExplanationError(f"{subject.name}: layer {name!r} has no call {call} in a forward")
    names = [
        n
        for n, module in subject.module.named_modules()
        if n != name and not isinstance(module, nn.ModuleList)
    ]
    return ExplanationError(
        f"{subject.name}: layer {name!r} is never called in a forward; {nearest(name, names)}"
    )


def _count_calls(subject: Subject, inputs: Inputs, layer: nn.Module) -> int:
    calls: list[None] = []
    hook = layer.register_forward_hook(lambda *_: calls.append(None))
    try:
        subject.run(inputs)
    finally:
        hook.remove()
    return len(calls)


@contextmanager
def _leaf_at(layer: nn.Module, wanted: int) -> Iterator[list[Tensor]]:
    """Cut the graph at call `wanted` of `layer` (-1: at each, the last one counts): the list will hold the leaf."""
    leaves: list[Tensor] = []
    thread, calls = threading.get_ident(), 0

    def cut(module: nn.Module, args: Any, output: Any) -> Any:
        nonlocal calls
        if threading.get_ident() != thread:
            return None
        calls += 1
        tensor = first_tensor(output)
        if tensor is None or wanted not in (-1, calls - 1):
            return None
        leaf = tensor.detach().requires_grad_()
        leaves[:] = [leaf]
        torch.set_grad_enabled(True)  # the model may be in a no_grad block of its own
        return _replaced(output, leaf.clone())

    hook = layer.register_forward_hook(cut)
    try:
        yield leaves
    finally:
        hook.remove()


def _replaced(output: Any, tensor: Tensor) -> Any:
    if isinstance(output, Tensor):
        return tensor
    rest = (tensor, *output[1:])
    if isinstance(output, list):
        return list(rest)
    return type(output)(*rest) if hasattr(output, "_fields") else rest


def score(output: Any, target: Any, samples: int) -> tuple[Tensor, list[int | str]]:
    """The score per sample (N,) and the name of its target.

    `target`: a callable on the model's output (returns a scalar or one value per sample), class indices, or None.
    """
    if callable(target):
        return _callable_score(output, target, samples)
    logits = class_logits(output)
    classes: list[Any] = (
        logits.argmax(1).tolist() if target is None else _class_indices(target, *logits.shape)
    )
    return logits[torch.arange(len(classes)), classes], classes


def _callable_score(
    output: Any, target: Callable[[Any], Any], samples: int
) -> tuple[Tensor, list[int | str]]:
    value = target(output)
    name = getattr(target, "__name__", type(target).__name__)
    if not isinstance(value, Tensor) or value.numel() not in (1, samples):
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ExplanationError(
            f"target {name} returned {shape}; it must return a scalar or one score per sample"
        )
    return value.reshape(-1), [name]


def class_logits(output: Any) -> Tensor:
    """The (N, classes) tensor in a model's output: itself, `.logits`, or the first of a dict or tuple."""
    found = output
    while not isinstance(found, Tensor):
        if hasattr(found, "logits"):
            found = found.logits
        elif isinstance(found, dict) and found:
            found = found.get("logits", next(iter(found.values())))
        elif isinstance(found, (tuple, list)) and found:
            found = found[0]
        else:
            break
    if isinstance(found, Tensor) and found.dim() == 2 and found.is_floating_point():
        return found
    shown = (
        f"a tensor of shape {tuple(found.shape)}"
        if isinstance(found, Tensor)
        else f"a {type(found).__name__}"
    )
    raise ExplanationError(
        f"the output has no class dimension: it is {shown}, not (N, classes).\n"
        "Pass a callable: target=lambda output: output['out'][:, 3].sum((1, 2))"
    )


def _class_indices(target: Any, samples: int, classes: int) -> list[Any]:
    indices = target.tolist() if isinstance(target, Tensor) else target
    indices = [int(i) for i in indices] if isinstance(indices, (list, tuple)) else [int(indices)] * samples
    if len(indices) != samples:
        raise ExplanationError(
            f"{len(indices)} targets for {samples} samples: give one class, or one per sample"
        )
    for index in indices:
        if not -classes <= index < classes:
            raise ExplanationError(
                f"target {index} is out of range: the output has {classes} classes, 0 to {classes - 1}"
            )
    return [index % classes for index in indices]

"""Activation and gradient of one layer, from one forward and the backward of what comes after the layer only."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ...errors import ExplanationError
from ...model.guard import only_reads
from ...model.subject import Inputs, Subject
from ...text import nearest
from .layers import flat_graph
from .outputs import put, the_map
from .runs import as_written, forgiving, gradients, own_errors, within_a_run
from .stops import Stop, ThroughNoGrad, Trail
from .targets import Target, score


class NeverCalledError(ExplanationError):
    """A layer that no forward calls."""


Heads: TypeAlias = Sequence[tuple[nn.Linear, Tensor, Tensor]]


@dataclass(frozen=True)
class Captured:
    """`activation` and `gradient` of the layer's output (its own shape); `score` and `target` per sample.

    `call` is the layer's call that was captured, from 0. The gradient is zero where the score does not depend.
    `output`: what the model returned. `heads`: linear layers with what they got and gave, where that was asked for.
    `notes`: what a reader must know of the way that it took.
    """

    activation: Tensor
    gradient: Tensor
    score: list[float]
    target: list[int | str]
    call: int
    output: object = None
    heads: Heads = ()
    notes: tuple[str, ...] = ()


def capture_alone(
    subject: Subject,
    name: str,
    layer: nn.Module,
    target: Target,
    call: int = -1,
    *,
    samples: int,
    heads: bool = False,
) -> Captured:
    """`capture` without a gradient, which is zero then."""
    return _captured(subject, name, layer, target, call, samples, heads=heads, differentiate=False)


def capture(
    subject: Subject,
    name: str,
    layer: nn.Module,
    target: Target,
    call: int = -1,
    *,
    samples: int,
    heads: bool = False,
) -> Captured:
    """Run the model once and differentiate the target's score by the layer's output.

    What comes before the layer runs without a graph: its output becomes a leaf, and the model goes on with a copy,
    so that in-place operators behind the layer cannot change what was captured. Writes no `.grad`.
    `call` picks among the calls of a shared module; `samples`: how many pictures there are; `heads`: note what linear
    layers get and give. Raises ExplanationError for layers that are never called and for targets that the output does
    not have.
    """
    return forgiving(subject, lambda: _captured(subject, name, layer, target, call, samples, heads=heads))


def capture_through(
    subject: Subject, name: str, layer: nn.Module, target: Target, call: int, *, samples: int
) -> Captured | Stop | None:
    """Where `capture` found no gradient: what there is with no_grad in the model left out, or where it stops.

    None: the score does not depend on the layer.
    """
    through = ThroughNoGrad(subject.module)
    captured = forgiving(subject, lambda: _captured(subject, name, layer, target, call, samples, through))
    if through.places and captured.gradient.any():
        return replace(captured, notes=through.notes)
    trail = Trail(subject.module)
    forgiving(subject, lambda: _captured(subject, name, layer, target, call, samples, trail))
    return trail.found


def _captured(
    subject: Subject,
    name: str,
    layer: nn.Module,
    target: Target,
    call: int,
    samples: int,
    watch: Trail | ThroughNoGrad | None = None,
    differentiate: bool = True,
    heads: bool = False,
) -> Captured:
    inputs = subject.require_inputs().copied(gradients=False)
    leaves: list[Tensor] = []

    def cut(tensor: Tensor) -> Tensor:
        with torch.inference_mode(False):  # the model may be in a block of its own
            leaves[:] = [(tensor.clone() if tensor.is_inference() else tensor).detach()]
            leaves[0].requires_grad_(differentiate)
        torch.set_grad_enabled(differentiate)
        copy = leaves[0].clone()
        if isinstance(watch, Trail):
            watch.follow(copy)
        return copy

    # frozen, so that nothing before the leaf makes a graph
    guard = not only_reads(subject.module)
    with (
        torch.inference_mode(False),
        subject.restored(frozen=True, guard=guard),
        torch.set_grad_enabled(differentiate),
    ):
        torch.backends.mha.set_fastpath_enabled(False)  # it hides layers; restored() restores the setting
        wanted = call if call >= -1 else _count_calls(subject, inputs, layer) + call
        linear = _linear_calls(subject.module if heads else None)
        with replaced_output(layer, wanted, cut, name) as calls, watch or nullcontext(), linear as seen:
            output = subject.run(inputs)
            if not leaves:
                raise _never_cut(subject, name, call, calls)
            scores, targets = score(output, target, samples)
        if isinstance(watch, Trail):
            watch.ends(scores)
        (gradient,) = gradients(scores, leaves)
    last = wanted if wanted >= 0 else len(calls) - 1
    told = scores.detach().float().tolist()
    return Captured(leaves[0].detach(), gradient, told, targets, last, output, seen)


def _never_cut(subject: Subject, name: str, call: int, kinds: list[str]) -> ExplanationError:
    """Why a layer's output was not met; `kinds`: what it returned, call by call."""
    if call != -1:
        return ExplanationError(
            f"{subject.name}: layer {name!r} has no call {call} in a forward: it ran {len(kinds)} times"
        )
    if kinds:
        return ExplanationError(
            f"{subject.name}: layer {name!r} returns a {kinds[-1]}, in which no tensor of floating-point numbers is "
            "found; choose another layer"
        )
    names = [
        n
        for n, module in subject.module.named_modules()
        if n != name and not isinstance(module, nn.ModuleList)
    ]
    hint = flat_graph(subject.module) or nearest(name, names)
    return NeverCalledError(f"{subject.name}: layer {name!r} is never called in a forward; {hint}")


@contextmanager
def _linear_calls(module: nn.Module | None) -> Iterator[list[tuple[nn.Linear, Tensor, Tensor]]]:
    """Linear layers with what they got and gave in the block, in order; none of None."""
    thread, seen = threading.get_ident(), list[tuple[nn.Linear, Tensor, Tensor]]()

    def note(part: nn.Module, args: tuple[object, ...], output: object) -> None:
        tensors = [t for t in (*args[:1], output) if isinstance(t, Tensor)]
        if isinstance(part, nn.Linear) and len(tensors) == 2 and threading.get_ident() == thread:
            seen.append((part, tensors[0].detach(), tensors[1].detach()))

    parts = [] if module is None else [m for m in module.modules() if isinstance(m, nn.Linear)]
    hooks = [part.register_forward_hook(note) for part in parts]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _count_calls(subject: Subject, inputs: Inputs, layer: nn.Module) -> int:
    with replaced_output(layer, -1, lambda tensor: tensor) as calls:
        subject.run(inputs)
    return len(calls)


@contextmanager
def replaced_output(
    layer: nn.Module, wanted: int, swap: Callable[[Tensor], Tensor], name: str = ""
) -> Iterator[list[str]]:
    """Have call `wanted` of `layer` (-1: each) return `swap(output)`; yields what each call returned, by its type.

    Of an output that holds more than one tensor, the map is replaced (`the_map`). Only in this thread: others may use
    the model at the same time.
    """
    thread, calls = threading.get_ident(), list[str]()

    def hook(module: nn.Module, args: object, output: object) -> object:
        if threading.get_ident() != thread:
            return None
        calls.append(type(output).__name__)
        with within_a_run():
            found = the_map(output, name) if wanted in (-1, len(calls) - 1) else None
            return None if found is None else put(output, found[0], swap(found[1]))

    handle = layer.register_forward_hook(hook)
    try:
        with own_errors(), as_written():
            yield calls
    finally:
        handle.remove()

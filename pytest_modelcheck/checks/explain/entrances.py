"""Entrances: what the convolutions of a model get of its input tensors, and which of these its output depends on."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.utils._pytree import tree_leaves

from ...errors import ExplanationError, ModelRunError
from ...model.calls import hooked
from ...model.subject import Subject
from .layouts import Size
from .runs import EnoughSeen, as_written, own_errors, refuses_a_graph, within_a_run


@dataclass(frozen=True)
class Entrance:
    """The first convolution that a tensor reaches: of how many dimensions of `space`, and the `shape` that it gets."""

    space: int
    channels: int
    shape: Size

    @property
    def samples(self) -> int:
        """How many the convolution gets at once."""
        return self.shape[0] if len(self.shape) == self.space + 2 else 1


@dataclass(frozen=True)
class Entrances:
    """By the tensor's place among the inputs: its entrance, where it has one; and those that the output `reads`.

    Nothing is known (`None`) where the model cannot be run with a graph; `error`: what it raised, if not for the graph.
    """

    found: dict[int, Entrance]
    reads: frozenset[int] | None = None
    error: ModelRunError | None = None


class NoPictureError(ExplanationError):
    """None of the inputs is a picture."""


def space_of(module: nn.Module) -> int | None:
    """Of how many dimensions a convolution is; None for other modules."""
    if not isinstance(module, torch.jit.ScriptModule) and "kernel_size" not in vars(module):
        return None  # to ask a module for what it lacks is slow
    kernel = getattr(module, "kernel_size", None)
    if isinstance(kernel, tuple) and isinstance(getattr(module, "in_channels", None), int):
        return len(kernel)
    return None


def entrances(subject: Subject, places: Sequence[int]) -> Entrances:
    """Where the tensors at `places` enter; one forward, which ends at the entrance where only one is asked for."""
    found: dict[int, Entrance] = {}
    seen, thread = set[Node](), threading.get_ident()
    leaves: dict[Tensor, int] = {}
    inputs = subject.require_inputs()
    numbers = {id(leaf): i for i, leaf in enumerate(inputs.tensors)}

    def own(leaf: object) -> object:
        if not isinstance(leaf, Tensor):
            return leaf
        place = numbers.get(id(leaf))
        if place is None or place not in places:
            return leaf.detach().clone()
        floats = leaf if leaf.is_floating_point() else leaf.float()
        made = floats.detach().clone().requires_grad_()
        leaves[made] = place
        return made.clone()

    def note(module: nn.Module, args: tuple[object, ...]) -> None:
        given = args[0] if args and isinstance(args[0], Tensor) else None
        space = space_of(module)
        if space is None or given is None or given.grad_fn is None or threading.get_ident() != thread:
            return
        with within_a_run():
            for place in reached(given.grad_fn, leaves, seen):
                found.setdefault(place, Entrance(space, given.shape[-space - 1], tuple(given.shape)))
        if len(places) == 1 and found:
            raise EnoughSeen

    with torch.inference_mode(False), subject.restored(frozen=True), torch.enable_grad():
        given = inputs.map(own)
        try:
            with own_errors(), as_written(), hooked(note):
                output = subject.run(given)
        except EnoughSeen:
            return Entrances(found, frozenset(places))
        except ModelRunError as error:
            return Entrances(found, error=None if refuses_a_graph(error) else error)
        ends = [t.grad_fn for t in tree_leaves(output) if isinstance(t, Tensor) and t.grad_fn is not None]
        seen.clear()
        reads = frozenset(place for end in ends for place in reached(end, leaves, seen))
    return Entrances(found, reads or None)


def reached(node: Node, leaves: dict[Tensor, int], seen: set[Node]) -> set[int]:
    """The leaves that lie behind a node, those aside whose nodes were `seen` before."""
    found, waiting = set[int](), [node]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None and variable in leaves:
            found.add(leaves[variable])
        waiting += [before for before, _ in node.next_functions if before is not None]
    return found

"""From a model to its graph: one run, and further ones where the first leaves something open.

A model that keeps something is run again, to be seen as it is from the second call on; where tensors appear that no
seen call made, their memory is followed; where values come out of tensors, they are given out altered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Set
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import torch
from torch import autograd, nn

from ....errors import ModelCheckError
from ....model.calls import module_calls
from ....model.eager import eager
from ....model.guard import only_reads
from ....model.silence import unheard
from ....model.subject import Subject, locate_failure
from ....model.threads import followed
from ..graph import VALUES, Graph, Node
from ..node import ModuleNode
from ..tree import read_tree
from .altered import ATTEMPTS, Abandoned, Alteration
from .calls import DECIDING
from .data import Linked, Moved, moved
from .draws import begin
from .held import HeldTensors
from .origins import Origins
from .tracer import Tracer
from .values import hash_of

MOST = 3  # calls that show whether a state settles
LONGER = 4  # times as many operators as the model calls, beyond which an altered run goes on and on
STATEFUL = (
    "Its state changes what it computes: this is the graph of a call in the state that it was given in."
)


@dataclass
class Traced:
    """`functions`: the scope of each function of autograd that made a tensor. `modules`: the tree as it is from the
    second call on, for a model that changes itself. `note`: what to say of it.
    """

    graph: Graph
    output: object
    functions: dict[autograd.graph.Node, int]
    modules: tuple[ModuleNode, ...] | None = None
    note: str = ""


@dataclass
class Call:
    """One traced call: its output, and whether it left anything changed."""

    tracer: Tracer
    output: object
    changed: bool
    modules: tuple[ModuleNode, ...] | None = None

    @cached_property
    def wiring(self) -> str:
        """Equal for calls that compute the same."""
        return Graph(tuple(self.tracer.builder.nodes), tuple(self.tracer.builder.scopes)).wiring


def trace_graph(subject: Subject, *, gradients: bool = False) -> Traced:
    """The graph of one forward call in eval mode, and its output; with `gradients` that carries autograd's graph.

    Raises ModelRunError if the model itself raises.
    """
    run = Run(subject, gradients)
    calls = run.calls(_is_settled)
    if any(call.tracer.memory.puzzled for call in calls):
        run.origins = True
        calls = run.calls(_is_settled)
    chosen, note = _choose(calls)
    call = calls[chosen]
    made = _of_parameters(calls[0], call) if chosen else frozenset[str]()
    graph = run.graph(call, run.altered(call, chosen), made)
    modules = _steady(calls) if len(calls) > 1 else None
    return Traced(graph, call.output, call.tracer.memory.functions, modules, note)


def _choose(calls: list[Call]) -> tuple[int, str]:
    """The second call of a model that only fills tables; else the first, with a note if the state matters.

    A table depends on no input and no draw: what is computed from then on does not depend on what was called before.
    """
    first, *more = calls
    if not first.changed or (more and first.wiring == more[0].wiring):
        return 0, ""
    if len(more) > 1 and more[0].wiring == more[1].wiring and not _carries(first, more[0]):
        return 1, ""
    return 0, STATEFUL


def _is_settled(calls: list[Call]) -> bool:
    """Whether no further call is needed: the last one changed nothing, or what it changed makes no difference."""
    if not calls[-1].changed or len(calls) == MOST:
        return True
    return len(calls) == 2 and calls[0].wiring == calls[1].wiring


def _carries(first: Call, second: Call) -> bool:
    """Whether the second call reads what the first one made of its inputs, or drew."""

    def is_begun(node: Node) -> bool:
        return node.operator == "input" or "draw" in node.attributes

    return bool(_made_of(first, second, is_begun))


def _of_parameters(first: Call, second: Call) -> Set[str]:
    """Tables that the first call made of parameters, and the second one reads: their values are the weights'."""
    return _made_of(first, second, lambda node: bool(node.params))


def _made_of(first: Call, second: Call, is_begun: Callable[[Node], bool]) -> Set[str]:
    """By name, what the second call finds that the first one made of such nodes."""
    found: set[int] = set()
    for number, node in enumerate(first.tracer.builder.nodes):
        if is_begun(node) or any(source in found for source, _ in node.inputs):
            found.add(number)
    made = {name: first.tracer.memory.producer(t) for name, t in second.tracer.memory.read_held.items()}
    return {name for name, source in made.items() if source is not None and source[0] in found}


def _steady(calls: list[Call]) -> tuple[ModuleNode, ...] | None:
    """The tree after the first call, without the settings that each call changes."""
    before, after = calls[0].modules, calls[1].modules
    if before is None or after is None:
        return None
    later = {node.name: node.settings for node in after}
    return tuple([replace(node, settings=_same(node.settings, later.get(node.name, {}))) for node in before])


def _same(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in before.items() if name in after and after[name] == value}


class Run:
    """Runs of one model; `origins`: whether memory is followed."""

    def __init__(self, subject: Subject, gradients: bool) -> None:
        self.subject, self.gradients, self.origins = subject, gradients, False
        self.most = sys.maxsize  # operators of an altered call

    def calls(
        self, is_enough: Callable[[list[Call]], bool], alteration: Alteration | None = None, altered: int = -1
    ) -> list[Call]:
        """Calls in a row from the state that the model is given in, until they are enough; that of the number `altered`
        with an alteration, which leaves nothing anywhere. Fewer of a model that can be called once only.
        """
        subject, module = self.subject, self.subject.module
        guard = self.gradients or alteration is not None or not only_reads(module)
        found: list[Call] = []
        with ExitStack() as stack:
            observed = stack.enter_context(subject.restored(guard=guard))
            observed.held.puts_all_back = alteration is not None
            if alteration is not None:
                stack.enter_context(unheard())
            stack.enter_context(torch.set_grad_enabled(self.gradients))
            torch.backends.mha.set_fastpath_enabled(False)  # it hides attention; the setting is restored
            held = HeldTensors(module, observed.held.tensors)
            while not found or not is_enough(found):
                tracer = self._tracer(module, held, alteration if len(found) == altered else None)
                try:
                    call = self._call(module, tracer)
                except ModelCheckError:
                    if not found or alteration is not None:
                        raise
                    break
                call.changed = bool(call.tracer.memory.written()) or observed.held.is_changed
                if call.changed:
                    held.look_again()
                    call.modules = read_tree(module)
                call.tracer.outputs(call.output, list(held) if call.changed else [])
                found.append(call)
        return found

    def _tracer(self, module: nn.Module, held: HeldTensors, alteration: Alteration | None) -> Tracer:
        tracer = Tracer(module, held, Origins() if self.origins else None, alteration)
        if alteration is not None:
            tracer.builder.most = self.most
        return tracer

    def _call(self, module: nn.Module, tracer: Tracer) -> Call:
        inputs = self.subject.require_inputs().copied()
        tracer.inputs(inputs)
        begin()
        with ExitStack() as stack:
            stack.enter_context(eager())
            stack.enter_context(module_calls(tracer.enter, tracer.leave, here=tracer.builder.is_followed))
            stack.enter_context(followed(tracer.hand_over))
            if tracer.memory.origins is not None:
                stack.enter_context(torch.jit.optimized_execution(False))  # type: ignore[attr-defined]
                stack.enter_context(tracer.memory.origins)
            stack.enter_context(tracer)
            stack.enter_context(locate_failure(self.subject, inputs))
            output: Any = module(*inputs.args, **inputs.kwargs)
            if isinstance(output, Generator):  # it works while it is asked
                output = list(output)
        return Call(tracer, output, False)

    def altered(self, call: Call, before: int) -> tuple[Moved, list[object]]:
        """What is other in a run with altered values, and these; none where nothing came out, or no run bears it."""
        nodes = call.tracer.builder.nodes
        gave = any(nodes[number].operator not in DECIDING for number in call.tracer.values)
        picks = any(node.dynamic for node in nodes)
        self.most = LONGER * len(nodes) + 1000
        for alteration in ATTEMPTS if gave or picks else ():
            if not gave and not alteration.picks:
                break
            try:
                other = self.calls(lambda calls: len(calls) > before, alteration, before)[-1]
            except (ModelCheckError, Abandoned, SystemExit):
                continue
            return moved(nodes, other.tracer.builder.nodes), [*other.tracer.values.values()]
        return {}, []

    def graph(self, call: Call, altered: tuple[Moved, list[object]], weights: Set[str]) -> Graph:
        """What the output depends on; a node's number is its place. `weights`: held tensors that are made of those."""
        tracer = call.tracer
        nodes = tracer.builder.nodes
        data, others = altered
        pairs = zip_longest([*tracer.values.items()], others[: len(tracer.values)])
        values = {n: (v, other) for (n, v), other in pairs if nodes[n].operator not in DECIDING}
        if values:
            nodes = Linked(nodes, values, data).nodes
        elif data:
            nodes = [
                replace(node, dynamic=node.dynamic or "" in data.get(n, ())) for n, node in enumerate(nodes)
            ]
        nodes = _ended(nodes)
        live = _ancestors(nodes)
        scopes = tuple(tracer.builder.scopes)
        read = sorted(tracer.memory.read_held.items())
        held = {name: hash_of(t) for name, t in read if not t.is_meta and name not in weights}
        if len(live) == len(nodes):
            return Graph(tuple(nodes), scopes, 0, held)
        place = {number: index for index, number in enumerate(live)}
        kept = (nodes[n] for n in live)
        renumbered = [
            replace(node, inputs=tuple([(place[s], slot) for s, slot in node.inputs])) for node in kept
        ]
        return Graph(tuple(renumbered), scopes, len(nodes) - len(live), held)


def _ended(nodes: list[Node]) -> list[Node]:
    """An output without tensors, and of no values either, may have come of whatever nothing else read."""
    last = nodes[-1]
    if last.inputs or last.params:
        return nodes
    read = {source for node in nodes for source, _ in node.inputs}
    ends = [n for n, node in enumerate(nodes[:-1]) if n not in read and node.operator != "input"]
    return [*nodes[:-1], replace(last, inputs=tuple([(n, 0) for n in ends]), places=(VALUES,) * len(ends))]


def _ancestors(nodes: list[Node]) -> list[int]:
    """The inputs, and the numbers of all nodes that the last one depends on, in order."""
    live, todo = {n for n, node in enumerate(nodes) if node.operator == "input"}, [len(nodes) - 1]
    while todo:
        number = todo.pop()
        if number not in live:
            live.add(number)
            todo += [source for source, _ in nodes[number].inputs]
    return sorted(live)

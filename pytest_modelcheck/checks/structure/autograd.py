"""Autograd's graph of one forward call: which functions the backward runs, and which parameters it reaches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from torch import nn
from torch.autograd.graph import Node

from ...text import first_line_repr
from ..reported import Reported
from .graph import AutogradNode, Scope
from .rows import AutogradContent, GradientRow, ScopeRow
from .trace.attributes import tensors_in

TRAINED, UNREACHED, FROZEN = "trained", "not reached", "frozen"


@dataclass(frozen=True)
class AutogradGraph(Reported):
    """Nodes from the parameters to the outputs, as torchviz draws them; `parameters`: each name as trained, frozen
    (requires no gradient) or not reached (requires one, and no output depends on it)."""

    section = "autograd"

    nodes: tuple[AutogradNode, ...]
    parameters: Mapping[str, str]
    scopes: tuple[Scope, ...] = ()

    def to_dot(self) -> str:
        """Graphviz text: parameters blue, those without a gradient dashed beside the graph."""
        from .dot import autograd_to_dot

        return autograd_to_dot(self.nodes, self.parameters)

    def to_dict(self) -> AutogradContent:
        """As the record holds it; `graph` has the format of a structure's own."""
        nodes = [*map(self._drawn, self.nodes), *self._left()]
        functions = sum(not node.parameter for node in self.nodes)
        return {
            "functions": functions,
            "parameters": dict(self.parameters),
            "graph": {
                "nodes": nodes,
                "scopes": [cast("ScopeRow", asdict(scope)) for scope in self.scopes],
                "unused": 0,
            },
        }

    def _drawn(self, node: AutogradNode) -> GradientRow:
        return {
            "operator": node.parameter.rpartition(".")[2] or node.function,
            "scope": node.scope,
            "inputs": [[feed, 0] for feed in node.feeds],
            "attributes": {"parameter": node.parameter} if node.parameter else {},
            "shapes": [list(node.shape)] if node.parameter else [],
            "parameter": TRAINED if node.parameter else "",
        }

    def _left(self) -> list[GradientRow]:
        """What gets no gradient: it stands in its module, and nothing leads there."""
        place = _first_calls(self.scopes)
        nodes: list[GradientRow] = []
        for name, state in self.parameters.items():
            if state != TRAINED:
                node = AutogradNode("", parameter=name, scope=_scope_of(name, place))
                nodes.append({**self._drawn(node), "shapes": [], "parameter": state})
        return nodes

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        width = max(map(len, self.parameters), default=0)
        return "\n".join(f"{name:<{width}}  {state}" for name, state in self.parameters.items())


def read_autograd(
    module: nn.Module, output: object, scopes: Sequence[Scope] = (), made_in: Mapping[Node, int] | None = None
) -> AutogradGraph:
    """Walk from the output tensors to the parameters. `made_in`: the scopes of the functions that are known."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    order = _order([t.grad_fn for t in tensors_in(output) if t.grad_fn is not None])
    place = {function: number for number, function in enumerate(order)}
    owners = _owners(order, made_in or {})
    calls = _first_calls(scopes)
    nodes = []
    for function in order:
        feeds = tuple(place[following] for following, _ in function.next_functions if following is not None)
        variable = getattr(function, "variable", None)
        if variable is None:
            nodes.append(AutogradNode(function.name(), feeds, scope=owners[function]))
            continue
        name = names.get(id(variable), "(a tensor)")
        scope = _scope_of(name, calls) or owners[function]
        nodes.append(AutogradNode(function.name(), feeds, name, tuple(variable.shape), scope))
    reached = {node.parameter for node in nodes}
    states = {
        name: FROZEN if not parameter.requires_grad else TRAINED if name in reached else UNREACHED
        for name, parameter in module.named_parameters()
    }
    return AutogradGraph(tuple(nodes), states, tuple(scopes))


def _order(roots: list[Node]) -> list[Node]:
    """All functions below the roots, each behind those that it feeds: the oldest first, parameters right before use."""
    order: list[Node] = []
    seen: set[Node] = set()
    todo = [(function, False) for function in reversed(roots)]
    while todo:
        function, finished = todo.pop()
        if finished:
            order.append(function)
        elif function not in seen:
            seen.add(function)
            todo.append((function, True))
            following = [f for f, _ in function.next_functions if f is not None]
            todo += [(f, False) for f in sorted(following, key=lambda f: -f._sequence_nr())]
    return order


def _owners(order: list[Node], known: Mapping[Node, int]) -> dict[Node, int]:
    """The scope of each function; of one that nobody saw made, that of the first that feeds it."""
    owners: dict[Node, int] = {}
    for function in reversed(order):
        scope = owners[function] = known.get(function, owners.get(function, 0))
        for following, _ in function.next_functions:
            if following is not None:
                owners.setdefault(following, scope)
    return owners


def _first_calls(scopes: Sequence[Scope]) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, scope in enumerate(scopes):
        found.setdefault(scope.module, number)
    return found


def _scope_of(parameter: str, calls: Mapping[str, int]) -> int:
    """The call of the module that holds it, or of the nearest one around that."""
    module = parameter
    while module:
        module = module.rpartition(".")[0]
        if module in calls:
            return calls[module]
    return 0

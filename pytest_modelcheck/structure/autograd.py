"""Autograd's graph of one forward call: which functions the backward runs, and which parameters it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from .tracer import tensors_in

TRAINED, UNREACHED, FROZEN = "trained", "not reached", "frozen"


@dataclass(frozen=True)
class AutogradNode:
    """A backward function (`ConvolutionBackward0`), or the `parameter` that a gradient ends in."""

    function: str
    feeds: tuple[int, ...] = ()  # the nodes whose gradients it computes
    parameter: str = ""
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class AutogradGraph:
    """Nodes from the outputs backwards, as torchviz draws them; `parameters`: each name as trained, frozen (requires no
    gradient) or not reached (requires one, and no output depends on it)."""

    nodes: tuple[AutogradNode, ...]
    parameters: dict[str, str]

    def to_dot(self) -> str:
        """Graphviz text: parameters blue, frozen ones dashed beside the graph."""
        from .dot import autograd_to_dot

        return autograd_to_dot(self)

    def to_dict(self) -> dict[str, Any]:
        """As the record holds it."""
        return {"functions": len(self.nodes), "parameters": self.parameters}

    def __str__(self) -> str:
        width = max(map(len, self.parameters), default=0)
        return "\n".join(f"{name:<{width}}  {state}" for name, state in self.parameters.items())


def read_autograd(module: nn.Module, output: Any) -> AutogradGraph:
    """Walk from the output tensors to the parameters."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    roots = [t.grad_fn for t in tensors_in(output) if t.grad_fn is not None]
    place: dict[Any, int] = {}
    todo = list(roots)
    while todo:
        function = todo.pop(0)
        if function not in place:
            place[function] = len(place)
            todo += [following for following, _ in function.next_functions if following is not None]
    nodes = tuple(_node(function, place, names) for function in place)
    reached = {node.parameter for node in nodes}
    states = {
        name: FROZEN if not parameter.requires_grad else TRAINED if name in reached else UNREACHED
        for name, parameter in module.named_parameters()
    }
    return AutogradGraph(nodes, states)


def _node(function: Any, place: dict[Any, int], names: dict[int, str]) -> AutogradNode:
    feeds = tuple(place[following] for following, _ in function.next_functions if following is not None)
    variable = getattr(function, "variable", None)
    if variable is None:
        return AutogradNode(function.name(), feeds)
    return AutogradNode(function.name(), feeds, names.get(id(variable), "(a tensor)"), tuple(variable.shape))

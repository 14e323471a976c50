"""The graph as it grows: nodes, and the calls of modules that they are made in."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ....model.shapes import sizes
from ....model.subject import dtype_name
from ..graph import VIEWS, Node, Param, Scope, Source
from .altered import Abandoned

Leaf = Source | Param


class Builder:
    """`nodes` and `scopes` so far; `varying`: which nodes come of inputs, parameters, held tensors, draws or what was
    not seen, and not of literals alone. Several threads may work for one call; each has a stack of scopes that run."""

    def __init__(self, root: nn.Module, names: Mapping[nn.Module, str]) -> None:
        self.nodes: list[Node] = []
        self.varying: list[bool] = []
        self.scopes = [Scope("", type(root).__name__)]
        self.names = names
        self.stacks: dict[int, list[int]] = {threading.get_ident(): [0]}
        self.lock = threading.RLock()
        self.most = sys.maxsize  # nodes, beyond which the call is abandoned
        self._calls: dict[str, int] = {}
        self._is_dynamic = False  # whether any node is
        self._dtypes: dict[torch.dtype, str] = {}

    # Scopes

    @property
    def scope(self) -> int:
        """The innermost one that runs on this thread."""
        return self.stacks[threading.get_ident()][-1]

    def is_followed(self) -> bool:
        """Whether this thread is one of those that work for the call."""
        return threading.get_ident() in self.stacks

    def enter(self, module: nn.Module) -> None:
        """A module's forward begins."""
        running = self.stacks[threading.get_ident()]
        name = self.names.get(module)
        if name is None:  # made while running: it has no name, only a place
            name = f"{self.scopes[running[-1]].module}.<{type(module).__name__}>".lstrip(".")
        with self.lock:
            call = self._calls[name] = self._calls.get(name, -1) + 1
            if name == "" and call == 0:
                running.append(0)
                return
            self.scopes.append(Scope(name, type(module).__name__, call, running[-1]))
            running.append(len(self.scopes) - 1)

    def leave(self) -> None:
        """It ends."""
        self.stacks[threading.get_ident()].pop()

    # Nodes

    def add(
        self,
        operator: str,
        told: Mapping[str, object],
        inputs: Sequence[Source],
        params: Sequence[Param],
        places: tuple[str, ...],
        made: Sequence[Tensor],
        *,
        dynamic: bool = False,
        unseen: bool = False,
        shape: tuple[int, ...] | None = None,
    ) -> int:
        """One more node; its number. `places`: of the inputs, then of the parameters; `shape`: of what it makes that is
        no tensor.
        """
        nodes = self.nodes
        if self._is_dynamic and not dynamic:
            dynamic = any(nodes[source].dynamic for source, _ in inputs)
        self._is_dynamic |= dynamic
        node = Node(
            operator,
            self.scope,
            tuple(inputs),
            {} if dynamic and operator in VIEWS else told,
            tuple(params),
            tuple([sizes(t) for t in made]) if shape is None else (shape,),
            tuple([self._dtype(t) for t in made]),
            dynamic,
            places,
            unseen,
        )
        if len(nodes) >= self.most:
            raise Abandoned
        with self.lock:
            begun = bool(params) or unseen or operator == "input" or "draw" in told
            self.varying.append(begun or any(self.varying[source] for source, _ in inputs))
            nodes.append(node)
            return len(nodes) - 1

    def after(
        self,
        operator: str,
        leaves: Sequence[Leaf],
        made: Tensor,
        told: Mapping[str, object],
        *,
        unseen: bool = False,
    ) -> Source:
        """A node that reads what is known already, and gives one tensor."""
        inputs = [(a, b) for a, b in leaves if isinstance(a, int) and isinstance(b, int)]
        params = [(a, b) for a, b in leaves if isinstance(a, str) and isinstance(b, tuple)]
        places = ("input",) if len(leaves) == 1 else tuple([f"[{i}]" for i in range(len(leaves))])
        return self.add(operator, told, inputs, params, places, [made], unseen=unseen), 0

    def _dtype(self, tensor: Tensor) -> str:
        name = self._dtypes.get(tensor.dtype)
        if name is None:
            name = self._dtypes[tensor.dtype] = dtype_name(tensor)
        return name


class Elsewhere:
    """A block on another thread, entered once or more often: what it does belongs to the scope that handed it over."""

    def __init__(self, builder: Builder, mode: Any) -> None:
        self.builder, self.mode, self.scope = builder, mode, builder.scope
        self._before: list[tuple[int, list[int] | None]] = []

    def __enter__(self) -> None:
        thread = threading.get_ident()
        self._before.append((thread, self.builder.stacks.get(thread)))
        self.builder.stacks[thread] = [self.scope]
        self.mode.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.mode.__exit__(*error)
        thread = threading.get_ident()
        last = max(number for number, entry in enumerate(self._before) if entry[0] == thread)
        mine = self._before.pop(last)
        if mine[1] is None:
            del self.builder.stacks[thread]
        else:
            self.builder.stacks[thread] = mine[1]

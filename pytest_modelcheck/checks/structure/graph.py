"""The operator graph of one call, as values; and the part of the fingerprint that is a Merkle hash over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from .digest import digest

if TYPE_CHECKING:
    from .rows import GraphEntry

Source = tuple[int, int]  # a node, and which of its outputs

VIEWS = frozenset(
    [
        "view",
        "reshape",
        "flatten",
        "unflatten",
        "permute",
        "transpose",
        "t",
        "T",
        "mT",
        "movedim",
        "swapaxes",
        "squeeze",
        "unsqueeze",
        "expand",
        "expand_as",
        "contiguous",
        "to",
        "float",
        "half",
        "double",
        "type",
        "type_as",
        "detach",
        "data",
        "getitem",
        "select",
        "narrow",
        "chunk",
        "split",
        "unbind",
        "view_as",
        "as_strided",
        "clone",
        "repeat",
        "identity",
        "alias",
        "unfold",
        "tensor_split",
        "ravel",
    ]
)
"""Operators that only say how the same numbers are read; clone, repeat and casts among them."""


@dataclass(frozen=True)
class Scope:
    """One call of a module: `call` counts the calls of the same module, `parent` is the scope it was made in."""

    module: str
    type: str
    call: int = 0
    parent: int = -1


@dataclass(frozen=True)
class Node:
    """One operator call. `inputs` in order; `params` are (name, shape) of parameters, buffers and constants it reads.

    `dynamic`: its shapes depend on the data, so they are no part of the structure.
    """

    operator: str
    scope: int
    inputs: tuple[Source, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    params: tuple[tuple[str, tuple[int, ...]], ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    dtypes: tuple[str, ...] = ()
    dynamic: bool = False

    @property
    def settings(self) -> dict[str, object]:
        """Its attributes, equal for calls that do the same: `torch.relu` knows no `inplace`, and pooling strides by the
        size of its kernel where nothing else is said.
        """
        told = {name: value for name, value in self.attributes.items() if (name, value) != ("inplace", False)}
        if "kernel_size" in told:
            told.setdefault("stride", told["kernel_size"])
        return told


@dataclass(frozen=True)
class AutogradNode:
    """A backward function (`ConvolutionBackward0`), or the `parameter` that a gradient ends in.

    `scope` is the module call whose forward made it; `feeds` are the nodes whose gradients it computes.
    """

    function: str
    feeds: tuple[int, ...] = ()
    parameter: str = ""
    shape: tuple[int, ...] = ()
    scope: int = 0


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of execution: inputs first, then operators, the outputs in one last node "output".

    `unused` counts operators that were left out: none of the outputs depends on them.
    """

    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    unused: int = 0

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the output: of operators, attributes, shapes and data flow up to it; of no name and no path."""
        return self._merkle(named=False)

    @cached_property
    def wiring(self) -> str:
        """The same with the names of the parameters: two alike layers that change places differ in nothing else."""
        return self._merkle(named=True)

    def _merkle(self, *, named: bool) -> str:
        hashes: list[str] = []
        for node in self.nodes:
            hashes.append(self._hash(node, hashes, named))
        return hashes[-1] if hashes else ""

    def _hash(self, node: Node, hashes: list[str], named: bool) -> str:
        facts = [
            node.operator,
            sorted(node.settings.items()),
            [(hashes[source], slot) for source, slot in node.inputs],
            [(name if named else "", shape) for name, shape in node.params],
            None if node.dynamic else node.shapes,
            node.dtypes,
        ]
        return digest(facts)

    def path(self, node: Node) -> str:
        """The module whose forward calls the node."""
        return self.scopes[node.scope].module

    def to_dict(self) -> GraphEntry:
        """As the record holds it."""
        made = {
            "nodes": [asdict(node) for node in self.nodes],
            "scopes": [asdict(scope) for scope in self.scopes],
            "unused": self.unused,
        }
        return cast("GraphEntry", made)

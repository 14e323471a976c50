"""The operator graph of one call, as values; and the part of the fingerprint that is a Merkle hash over it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, cast

from .digest import digest

if TYPE_CHECKING:
    from .rows import GraphEntry

Source = tuple[int, int]  # a node, and which of its outputs
Param = tuple[str, tuple[int, ...]]  # a tensor's name and shape
_BOTH = ("input", "other")

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


COMMUTATIVE = frozenset(
    [
        "add",
        "mul",
        "multiply",
        "eq",
        "ne",
        "maximum",
        "minimum",
        "max",
        "min",
        "fmax",
        "fmin",
        "logical_and",
        "logical_or",
        "logical_xor",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "and",
        "or",
        "xor",
        "hypot",
        "logaddexp",
        "logaddexp2",
    ]
)
"""Operators whose two operands may change places: `w + x` is `x + w`, bit for bit."""
CONDITION, VALUES = "(condition)", "(values)"
"""Places of what decides which way Python goes, and of what gave it numbers."""
STATE = "state "
"""Begins places of what a call leaves for the next one."""
UNORDERED = frozenset(["", CONDITION, VALUES])
FROM_DATA = "(from data)"
"""Stands for a value that came out of tensors: `.item()`, `.tolist()`; it is data, no structure."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One call of a module: `call` counts the calls of the same module, `parent` is the scope it was made in."""

    module: str
    type: str
    call: int = 0
    parent: int = -1


@dataclass(frozen=True, slots=True)
class Node:
    """One operator call. `inputs` in order; `params` are (name, shape) of parameters, buffers, tensors held elsewhere.

    `places`: the argument that each of `inputs` is given as, then each of `params` (`input`, `tensors[0]`); () in older
    records. One stands there again for each later write to the tensor's memory. `dynamic`: its shapes depend on the
    data, so they are no part of the structure. `unseen`: what happens inside was not seen.
    """

    operator: str
    scope: int
    inputs: tuple[Source, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    params: tuple[Param, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    dtypes: tuple[str, ...] = ()
    dynamic: bool = False
    places: tuple[str, ...] = ()
    unseen: bool = False

    @property
    def operands(self) -> list[tuple[str, Source | Param]]:
        """What it is given, by place: those of commutative operators are in one place, in an order of their own."""
        given: list[Source | Param] = [*self.inputs, *self.params]
        places = self.places or ("",) * len(given)
        if self.is_commutative:
            places = tuple("" if place in _BOTH else place for place in places)
        return list(zip(places, given, strict=True))

    @property
    def is_commutative(self) -> bool:
        """Whether its operands may change places."""
        return self.operator in COMMUTATIVE and self.attributes.get("alpha", 1) == 1

    @property
    def settings(self) -> dict[str, object]:
        """Its attributes, equal for calls that do the same: `torch.relu` knows no `inplace`, and pooling strides by the
        size of its kernel where nothing else is said.
        """
        told = {name: value for name, value in self.attributes.items() if (name, value) != ("inplace", False)}
        if "kernel_size" in told:
            told.setdefault("stride", told["kernel_size"])
        return told


def plain_row(item: Node | Scope) -> dict[str, object]:
    """Its fields; unlike `asdict` without copies of all in them."""
    return {one.name: getattr(item, one.name) for one in fields(item)}


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

    `unused` counts operators that were left out: none of the outputs depends on them. `held`: digests of the tensors,
    by name, that are no parameters or buffers, but were there before the call.
    """

    nodes: tuple[Node, ...]
    scopes: tuple[Scope, ...]
    unused: int = 0
    held: Mapping[str, str] = field(default_factory=dict)

    @property
    def unseen(self) -> int:
        """How many steps were not seen inside."""
        return sum(node.unseen for node in self.nodes)

    @cached_property
    def hashes(self) -> list[str]:
        """SHA-256 of each node: of operators, attributes, shapes and data flow up to it; of no name and no path."""
        return self._merkle(named=False)

    @property
    def fingerprint(self) -> str:
        """That of the output."""
        return self.hashes[-1] if self.hashes else ""

    @cached_property
    def wiring(self) -> str:
        """The same with the names of the parameters: two alike layers that change places differ in nothing else."""
        hashes = self._merkle(named=True)
        return hashes[-1] if hashes else ""

    def _merkle(self, *, named: bool) -> list[str]:
        hashes: list[str] = []
        for node in self.nodes:
            hashes.append(self._hash(node, hashes, named))
        return hashes

    def _hash(self, node: Node, hashes: list[str], named: bool) -> str:
        operands: dict[str, list[object]] = {}
        for number, (place, operand) in enumerate(node.operands):
            if number < len(node.inputs):
                source, slot = operand
                fact: object = [hashes[int(source)], slot]
            else:
                fact = [operand[0] if named else "", operand[1]]
            operands.setdefault(place, []).append(fact)
        for place, facts_there in operands.items():
            if place in UNORDERED or place.startswith(STATE):
                facts_there.sort(key=repr)
        facts = [
            node.operator,
            sorted(node.settings.items()),
            sorted(operands.items()),
            None if node.dynamic else node.shapes,
            [*dict.fromkeys(node.dtypes)] if node.dynamic else node.dtypes,
        ]
        return digest(facts)

    def path(self, node: Node) -> str:
        """The module whose forward calls the node."""
        return self.scopes[node.scope].module

    def to_dict(self) -> GraphEntry:
        """As the record holds it."""
        made = {
            "nodes": [plain_row(node) for node in self.nodes],
            "scopes": [plain_row(scope) for scope in self.scopes],
            "unused": self.unused,
            "held": dict(self.held),
            "unseen": self.unseen,
        }
        return cast("GraphEntry", made)

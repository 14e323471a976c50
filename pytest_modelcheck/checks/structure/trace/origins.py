"""Follows memory below the calls that a trace sees: what a transform, TorchScript or C++ made, and out of what.

A dispatch mode, which sees each operator at many times the cost: only for models in which tensors appear that no seen
call made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._C import DisableTorchFunction
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ....model.guard import storage_identity
from ....model.shapes import sizes
from ..digest import digest
from ..graph import Source
from .builder import Leaf
from .values import canonical


class Memory(NamedTuple):
    """What is in a storage: out of which `leaves`, by which operators that no seen call made (`facts`, a digest)."""

    alive: StorageWeakRef | None
    leaves: Mapping[Leaf, None]
    facts: str = ""


NOWHERE = Memory(None, {})


class Origins(TorchDispatchMode):
    """The memory of one run."""

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._memory: dict[int, Memory] = {}

    def begin(self, own: Iterable[tuple[str, Tensor]], held: Iterable[tuple[str, Tensor]]) -> None:
        """Tensors that are there."""
        for name, tensor in (*held, *own):
            self._put(tensor, {(name, sizes(tensor)): None})

    def made(self, tensor: Tensor, source: Source, *, adds: bool) -> None:
        """A seen call made the tensor, or wrote to it."""
        inner = innermost(tensor)
        before = self._of(inner).leaves if adds else {}
        self._put(inner, {**before, source: None})

    def leaves(self, tensor: Tensor) -> list[Leaf]:
        """What it was made of, in order."""
        return list(self._of(tensor).leaves)

    def facts(self, tensor: Tensor) -> str:
        """Digest of the operators that made it of these; empty where none did."""
        return self._of(tensor).facts

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(cls.__torch_dispatch__ is not Tensor.__torch_dispatch__ for cls in types):
            return NotImplemented  # it wraps others: what it does with these comes here in turn
        out = func(*args, **kwargs)  # below no seen call, in TorchScript, the tracer sees it here
        if isinstance(func, torch._ops.OpOverload):
            with DisableTorchFunction():
                self._follow(func, args, kwargs, out)
        return out

    def _follow(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        read = [self._of(t) for t in given]
        leaves = {leaf: None for memory in read for leaf in memory.leaves}
        known = {storage_identity(t) for t in given}
        numbers = canonical([value for value in tree_leaves((args, kwargs)) if not isinstance(value, Tensor)])
        written = [t for t in _written(func, args, kwargs) if isinstance(t, Tensor)]
        where = [(t.stride(), t.storage_offset()) for t in written if t.layout is torch.strided]
        facts = digest([str(func), numbers, where, [memory.facts for memory in read]])
        if torch._C._current_autograd_node() is not None:
            facts = "backward"  # its formulas are torch's, and change with it
        fresh = [t for t in tree_leaves(out) if isinstance(t, Tensor) and storage_identity(t) not in known]
        for tensor in (*fresh, *written):
            self._put(tensor, leaves, facts)

    def _of(self, tensor: Tensor) -> Memory:
        memory = self._memory.get(storage_identity(tensor), NOWHERE)
        return memory if memory.alive is None or not memory.alive.expired() else NOWHERE

    def _put(self, tensor: Tensor, leaves: Mapping[Leaf, None], facts: str = "") -> None:
        try:
            alive = StorageWeakRef(tensor.untyped_storage())
        except (RuntimeError, NotImplementedError):
            alive = None
        self._memory[storage_identity(tensor)] = Memory(alive, leaves, facts)


def _written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[object]:
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from tree_leaves(args[position] if position < len(args) else kwargs.get(argument.name))


_functorch: Any = torch._C._functorch


def unwrapped(tensor: Tensor) -> tuple[Tensor, int | None]:
    """What a transform of torch.func wraps, one level; and the dimension that vmap took away."""
    if not _functorch.is_functorch_wrapped_tensor(tensor):
        return tensor, None
    dimension = _functorch.maybe_get_bdim(tensor) if _functorch.is_batchedtensor(tensor) else None
    return _functorch.get_unwrapped(tensor), dimension


def innermost(tensor: Tensor) -> Tensor:
    """Below all transforms."""
    inner, _ = unwrapped(tensor)
    return tensor if inner is tensor else innermost(inner)


def script_facts(module: nn.Module) -> str:
    """Digest of what TorchScript runs: its operators and constants, in order."""
    graph = getattr(module, "inlined_graph", None)
    return digest([*_steps(graph.nodes())])[:12] if graph is not None else ""


def _steps(nodes: Iterable[Any]) -> Iterator[object]:
    for node in nodes:
        constant = node.output().toIValue() if node.kind() == "prim::Constant" else None
        yield node.kind(), None if isinstance(constant, Tensor) else canonical(constant)
        for block in node.blocks():
            yield from _steps(block.nodes())

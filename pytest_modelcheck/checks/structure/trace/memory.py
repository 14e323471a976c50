"""Where a tensor comes from: which node made it, and which wrote to its memory since.

Tensors are known by identity, held weakly: a trace needs no memory to speak of. Every write counts a tensor's version
up; one that no seen call made is a step of its own, and so is a tensor that none made.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, autograd

from ....model.guard import storage_identity
from ....model.shapes import sizes
from ..graph import Param, Source
from .builder import Builder, Leaf
from .held import HeldTensors
from .origins import Origins, unwrapped
from .values import tensor_words, version

UNSEEN = "unseen step"
_NOBODY: tuple[Any, Source, int] = (None, (-1, 0), -1)


class Memory:
    """`own`: parameters and buffers by identity, with their names and versions. `origins` follows what no seen call
    made; without it `puzzled` says that something was. `functions`: the scope of each function of autograd.
    """

    def __init__(
        self,
        builder: Builder,
        own: Mapping[str, Tensor],
        held: HeldTensors,
        origins: Origins | None,
    ) -> None:
        self.builder, self.held, self.origins = builder, held, origins
        self.own: dict[int, tuple[Param, int]] = {
            id(t): ((name, sizes(t)), version(t)) for name, t in own.items()
        }
        self.read_held: dict[str, Tensor] = {}
        self.functions: dict[autograd.graph.Node, int] = {}
        self.puzzled = False
        self._own = own
        self._producers: dict[int, tuple[weakref.ref[Tensor], Source, int]] = {}  # with the version it had
        self._writes: dict[int, list[tuple[Source, int]]] = {}  # storage -> nodes that wrote to it, versions
        self.given_out: dict[int, tuple[Tensor, Tensor]] = {}  # storage -> as an array, and its values
        self._there: set[int] | None = None
        self._counts_differ = False  # `.data` writes to the same memory, and counts for itself
        if origins is not None:
            origins.begin(own.items(), held)

    def written(self) -> list[tuple[str, Tensor]]:
        """Parameters and buffers that were written to."""
        found = [(name, t) for name, t in self._own.items() if version(t) != self.own[id(t)][1]]
        if self._counts_differ and self._writes:
            found += [(name, t) for name, t in self._own.items() if storage_identity(t) in self._writes]
        return list(dict(found).items())

    def producer(self, tensor: Tensor) -> Source | None:
        """The node that made it, and as which of its outputs."""
        reference, source, _ = self._producers.get(id(tensor), _NOBODY)
        return source if reference is not None and reference() is tensor else None

    def made(self, tensor: Tensor, source: Source, *, writes: bool = False) -> None:
        """A node made the tensor, or wrote to it."""
        now = version(tensor)
        self._producers[id(tensor)] = (weakref.ref(tensor), source, now)
        if tensor.grad_fn is not None:
            self.functions.setdefault(tensor.grad_fn, self.builder.scope)
        if writes:
            storage = storage_identity(tensor)
            self._writes.setdefault(storage, []).append((source, now))
            if storage in self.given_out:
                self._remember(storage, self.given_out[storage][0])
        if self.origins is not None:
            self.origins.made(tensor, source, adds=writes)

    def was_there(self, tensor: Tensor) -> bool:
        """Whether its memory was there before the call: a parameter's, say, or what the program around it owns."""
        if self._there is None:
            self._there = {storage_identity(t) for _, t in (*self._own.items(), *self.held)}
        return storage_identity(tensor) in self._there

    def separate(self) -> None:
        """From now on versions do not tell of all writes."""
        self._counts_differ = True

    def read(self, tensor: Tensor, now: int) -> tuple[Param | None, list[Source]]:
        """What a tensor is, one of the model's own or who made it; and who wrote to its memory up to version `now`."""
        reference, source, expected = self._producers.get(id(tensor), _NOBODY)
        param: Param | None = None
        if reference is None or reference() is not tensor:
            param, expected = self.own.get(id(tensor)) or self._find_held(tensor)
            if param is None:
                known = self._explain(tensor)
                return (None, [known]) if isinstance(known[0], int) else (known, [])
            source = _NOBODY[1]
        sources = [] if param is not None else [source]
        if now != expected or now < 0 or self._counts_differ or self.given_out:
            sources += self._later(tensor, source, expected, now)
        return param, sources

    def _find_held(self, tensor: Tensor) -> tuple[Param | None, int]:
        name, expected = self.held.find(tensor) or ("", -1)
        if not name:
            return None, expected
        self.read_held[name] = tensor
        return (name, sizes(tensor)), expected

    def _later(self, tensor: Tensor, source: Source, expected: int, now: int) -> list[Source]:
        """Writes to the tensor's memory since, through a view, say; one that nobody saw is a step of its own."""
        storage = storage_identity(tensor)
        writes = self._writes.get(storage, [])
        if now > max([expected, *(known for _, known in writes)]):
            if self.origins is None:
                self.puzzled = True
            elif self.origins.facts(tensor):  # else a view has joined the count of what it is a view of
                self._writes.setdefault(storage, writes).append((self._unseen(tensor), now))
        return [write for write, _ in writes if write[0] > source[0]]

    # What no seen call made

    def _explain(self, tensor: Tensor) -> Leaf:
        """Of a transform, of TorchScript, of numpy, another's memory; without a name while memory is not followed."""
        if self.origins is None:
            self.puzzled = True
            return "", sizes(tensor)
        inner, dimension = unwrapped(tensor)
        if inner is not tensor:
            return self._unwrap(tensor, inner, dimension)
        leaves = self.origins.leaves(tensor)
        if len(leaves) == 1 and not self.origins.facts(tensor):
            return self._alias(tensor, leaves[0])
        if leaves:
            source = self._unseen(tensor)
        else:
            source = self.builder.after("tensor", [], tensor, {"values": tensor_words(tensor)})
        self.made(tensor, source)
        return source

    def _unwrap(self, tensor: Tensor, inner: Tensor, dimension: int | None) -> Source:
        """What vmap, grad and others wrap."""
        param, sources = self.read(inner, version(inner))
        if dimension is None and param is None and len(sources) == 1:
            return sources[0]
        operator, told = ("wrap", {}) if dimension is None else ("vmap", {"in_dim": dimension})
        leaves: list[Leaf] = [*([] if param is None else [param]), *sources]
        source = self.builder.after(operator, leaves, tensor, told)
        self.made(tensor, source)
        return source

    def _unseen(self, tensor: Tensor) -> Source:
        """A step that was not seen inside, with what it read."""
        assert self.origins is not None
        told = {"does": self.origins.facts(tensor)[:12]}
        return self.builder.after(UNSEEN, self.origins.leaves(tensor), tensor, told, unseen=True)

    def _alias(self, tensor: Tensor, leaf: Leaf) -> Leaf:
        """The same memory, perhaps read in another way."""
        number, slot = leaf
        if isinstance(number, int) and isinstance(slot, int):
            shapes = self.builder.nodes[number].shapes
            if shapes[slot : slot + 1] == (sizes(tensor),) and tensor.is_contiguous():
                return leaf
        elif slot == sizes(tensor) and tensor.is_contiguous():
            return leaf
        told = {
            "size": list(tensor.shape),
            "stride": list(tensor.stride()),
            "offset": tensor.storage_offset(),
        }
        source = self.builder.after("view", [leaf], tensor, told)
        self.made(tensor, source)
        return source

    # Memory that was given out: what is written there, no version tells

    def give_out(self, tensor: Tensor) -> None:
        """As an array, say."""
        plain = tensor.detach()
        storage = storage_identity(plain)
        is_dense = plain.layout is torch.strided and not (plain.is_meta or plain.is_nested)
        if is_dense and storage not in self.given_out:
            self._remember(storage, plain)

    def look(self, tensor: Tensor) -> None:
        """Whether someone wrote there in the meantime."""
        storage = storage_identity(tensor) if self.given_out else 0
        plain, values = self.given_out.get(storage, (None, None))
        if plain is not None and values is not None and not _same(plain, values):
            self._remember(storage, plain)
            step = self.builder.after(
                "write to the array", [], plain, {"values": tensor_words(plain)}, unseen=True
            )
            self._writes.setdefault(storage, []).append((step, version(tensor)))

    def _remember(self, storage: int, plain: Tensor) -> None:
        self.given_out[storage] = (plain, plain.clone())


def _same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8))

"""A digest of all that one call of a model can depend on: equal where a second measurement would see the same.

Objects are known by what they are and hold, tensors by their memory, shape, type and version; the values of small
ones, of inputs and of whatever else is kept belong to it too.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import random
import sys
import types
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..guard import storage_key
from ..shapes import sizes
from .kinds import NOTHING, PLAIN, kind_of
from .process import GLOBAL_HOOKS, SETTINGS, modes
from .reach import function_of, reach, value_of

Made = TypeVar("Made")
SMALL = 2**16  # bytes, up to which values are always looked at
LARGE = 2**26  # bytes of an array, beyond which it has no digest
OBJECTS = 50_000
CONSTANT = frozenset(  # where what is of an unknown kind comes from that has no state of its own
    [
        "re",
        "logging",
        "pathlib",
        "decimal",
        "fractions",
        "datetime",
        "uuid",
        "_thread",
        "typing",
        "inspect",
        "enum",
    ]
)


def digest(module: nn.Module, given: object, *, values: bool = False, draws: bool = False) -> str | None:
    """Of a model, and of what it is called with; None where something has no digest (a generator, an open file).

    `values`: those of all tensors belong to it, since in-place operations through `.data` or numpy move no version
    counter; `draws`: and where the generators of random numbers stand.
    """
    found = _Digest(values)
    found.look([setting.read() for setting in SETTINGS.values()])
    found.look([torch.is_inference_mode_enabled(), _environment(), *map(type, modes())])
    found.look(GLOBAL_HOOKS)
    found.inputs = True
    found.look([given])
    found.inputs = False
    found.look([module])
    if draws:
        found.look([torch.get_rng_state().tolist(), random.getstate(), _numpy_state()])
    return found.text()


def outline(*roots: object) -> str | None:
    """Equal where nothing but the numbers in tensors can differ: not how many there are, nor what is counted."""
    found = _Digest(values=False, addresses=False)
    found.look(roots)
    return found.text()


def _environment() -> object:
    """pytest's own variables change with each test."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}, os.getcwd()


def _numpy_state() -> object:
    numpy: Any = sys.modules.get("numpy")
    return numpy.random.get_state() if numpy else None


class _Digest:
    def __init__(self, values: bool, addresses: bool = True) -> None:
        self.values, self.addresses, self.inputs, self.complete = values, addresses, False, True
        self._tokens: list[object] = []
        self._places: dict[int, int] = {}
        self._classes: set[type] = set()
        self._kept: list[object] = []  # what was made for the look alone: its address must not be another's

    def text(self) -> str | None:
        if not self.complete:
            return None
        return hashlib.blake2b(
            repr(self._tokens).encode("utf-8", "surrogatepass"), digest_size=16
        ).hexdigest()

    def look(self, values: Iterable[Any]) -> None:
        todo, tokens, places = [*values], self._tokens, self._places
        while todo and self.complete:
            value = todo.pop()
            cls: Any = type(value)
            if cls in PLAIN:
                tokens.append(id(value) if cls is type else value)
                if cls is type and self.addresses:
                    todo += self._class(value)
                continue
            if (place := places.get(id(value))) is not None:
                tokens.append(("again", place))
                continue
            places[id(value)] = len(places)
            self._kept.append(value)
            tokens.append((cls.__qualname__, id(cls)))
            if isinstance(value, Tensor):
                tokens.append(self._tensor(value) if self.addresses else _outline(value))
            elif isinstance(value, nn.Module):
                tokens.append(id(value))
                todo += self._module(value)
            else:
                todo += self._other(value, cls)
            self.complete &= len(places) < OBJECTS

    def _module(self, module: nn.Module) -> Iterable[object]:
        tokens = self._tokens
        yield from self._class(type(module))
        for name, value in vars(module).items():
            if type(value) in PLAIN:
                tokens.append((name, id(value) if isinstance(value, type) else value))
            elif type(value) not in (dict, OrderedDict) or value:  # else hooks that nobody set
                tokens.append(name)
                yield value

    def _class(self, cls: type) -> Iterable[object]:
        """What the code of a class can depend on, once."""
        if cls in self._classes:
            return
        self._classes.add(cls)
        forward = getattr(cls, "forward", None)
        self._tokens.append(id(getattr(forward, "__code__", forward)))
        yield from self._code(cls)

    def _code(self, code: type | types.FunctionType) -> Iterable[object]:
        found = reach(code)
        self.complete &= not (found.asks and self.addresses)
        called = [function_of(value_of(owner, name)) for owner, name in found.functions]
        self._tokens += [id(function.__code__) for function in called if function is not None]
        yield from found.closures
        for owner, name in found.names:
            yield value_of(owner, name)

    def _other(self, value: Any, cls: Any) -> Iterable[object]:
        kind = kind_of(cls)
        unknown = kind is NOTHING and cls.__module__.partition(".")[0] not in CONSTANT
        if self.addresses and (kind.told or unknown or (kind.size and kind.size(value) > LARGE)):
            self.complete = False
            return
        if kind is NOTHING:
            self._tokens.append(id(value))
        elif self.addresses and kind.save:
            yield from self._class(cls)
        if kind.token:
            self._tokens.append(kind.token(value))
        if isinstance(value, types.FunctionType):
            yield from self._code(value)
        if kind.inner:
            yield from kind.inner(value)

    def _tensor(self, tensor: Tensor) -> object:
        shape = sizes(tensor)
        has_gradient = (tensor.is_leaf or tensor.retains_grad) and tensor.grad is not None
        facts = (
            *(shape, tensor.dtype, str(tensor.device), tensor.layout),
            *(tensor.requires_grad, has_gradient),
        )
        if tensor.is_meta:
            return facts
        place = () if self.inputs else (_version(tensor), storage_key(tensor))
        if (
            tensor.layout is not torch.strided
            or tensor.is_quantized
            or tensor.is_nested
            or type(tensor) not in _TENSORS
        ):
            return *facts, *place, id(tensor)
        small = tensor.numel() * tensor.element_size() <= SMALL
        known = self.inputs or self.values or small
        return *facts, *place, tensor.stride(), checksum(tensor) if known else 0


def _outline(tensor: Tensor) -> object:
    """Small whole numbers count: the place in a cache, a length."""
    counts = not (tensor.is_nested or tensor.is_floating_point() or tensor.is_meta) and tensor.numel() <= 1
    return sizes(tensor), tensor.dtype, tensor.tolist() if counts else None


_TENSORS = (Tensor, nn.Parameter)


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version


def checksum(tensor: Tensor) -> int:
    """Of its bytes."""
    return of_bytes(tensor.detach(), zlib.crc32)


def of_bytes(tensor: Tensor, function: Callable[[memoryview], Made]) -> Made:
    """What `function` gives for the bytes of a dense tensor, in order.

    Not by way of numpy, after which the tensor's memory could never be resized again.
    """
    plain = tensor.cpu().contiguous()
    size = plain.numel() * plain.element_size()
    held = (ctypes.c_char * size).from_address(plain.data_ptr()) if size else b""
    return function(memoryview(held).cast("B"))

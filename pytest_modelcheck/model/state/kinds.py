"""What a model keeps beside parameters and buffers, by kind: how each is saved, put back, and looked into.

A copy is shallow: a container's own entries, an object's own attributes; what these hold is saved in turn. Values are
put back into the very objects that were there.
"""

from __future__ import annotations

import contextvars
import functools
import io
import pickle
import queue
import random
import socket
import sys
import threading
import types
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from .containers import CONTAINERS, Kind, Value, container, entries, identical, put_dict, same_dict

# Objects


def slots_of(cls: type) -> list[types.MemberDescriptorType]:
    """Those of all its bases; a name that begins with two underscores stands there with its class's."""
    own = (value for base in cls.__mro__ for value in vars(base).values())
    return [value for value in own if isinstance(value, types.MemberDescriptorType)]


ABSENT = object()


def _kind_of_object(cls: type) -> Kind:
    """Instances with attributes: of their `__dict__`, of their slots, and the entries of containers they are."""
    descriptors: list[Any] = slots_of(cls)
    content = container(cls)

    def slots(value: Value) -> list[Value]:
        return [slot(descriptor, value) for descriptor in descriptors]

    def attributes(value: Value) -> dict[str, Any]:
        try:
            return object.__getattribute__(value, "__dict__")  # type: ignore[no-any-return]
        except AttributeError:
            return {}

    def save(value: Value) -> Value:
        own = content.save(value) if content and content.save else None
        return attributes(value).copy(), slots(value), own

    def same(value: Value, copy: Value) -> bool:
        own = content is None or content.same is None or content.same(value, copy[2])
        return own and same_dict(attributes(value), copy[0]) and identical(slots(value), copy[1])

    def put(value: Value, copy: Value) -> None:
        if not same_dict(attributes(value), copy[0]):
            put_dict(attributes(value), copy[0])
        for descriptor, entry in zip(descriptors, copy[1], strict=True):
            put_slot(descriptor, value, entry)
        if content and content.put and content.same and not content.same(value, copy[2]):
            content.put(value, copy[2])

    def inner(value: Value) -> Iterator[object]:
        yield from entries(attributes(value))
        yield from slots(value)
        if content and content.inner:
            yield from content.inner(value)

    return Kind(save, same, put, inner)


def slot(descriptor: Any, value: Value) -> Value:
    try:
        return descriptor.__get__(value)
    except AttributeError:
        return ABSENT


def put_slot(descriptor: Any, value: Value, entry: Value) -> None:
    """What `slot` gave, there again."""
    if entry is not ABSENT:
        descriptor.__set__(value, entry)
    elif slot(descriptor, value) is not ABSENT:
        descriptor.__delete__(value)


# Functions: what closures hold, and which object a name in them stands for


def cells(value: types.FunctionType) -> list[Value]:
    return [_content(cell) for cell in value.__closure__ or ()]


def _content(cell: types.CellType) -> Value:
    try:
        return cell.cell_contents
    except ValueError:  # it stands for nothing yet
        return ABSENT


def _put_cells(value: types.FunctionType, copy: list[Value]) -> None:
    for cell, content in zip(value.__closure__ or (), copy, strict=True):
        if content is not ABSENT:
            cell.cell_contents = content


def _inner_of_function(value: types.FunctionType) -> Iterator[object]:
    yield from cells(value)
    yield from value.__defaults__ or ()
    yield from (value.__kwdefaults__ or {}).values()
    if vars(value):
        yield vars(value)


def _clear_cache(value: Value, copy: Value) -> None:
    """What a check had computed, perhaps of tensors without values, nobody else may find there."""
    value.cache_clear()


# Generators of random numbers


def _put_state(value: Value, copy: Value) -> None:
    value.bit_generator.state = copy


def _equal_tensors(value: torch.Generator, copy: Tensor) -> bool:
    return torch.equal(value.get_state(), copy)


_PLAIN = (
    *(
        object,
        type(None),
        bool,
        int,
        float,
        complex,
        str,
        bytes,
        type,
        range,
        slice,
        type(...),
        type(NotImplemented),
    ),
    *(torch.dtype, torch.device, torch.layout, torch.memory_format, torch.Size),
    *(types.ModuleType, types.MethodDescriptorType, types.CodeType),
)
_FUNCTIONS: dict[type, Kind] = {
    types.FunctionType: Kind(
        cells,
        lambda value, copy: identical(cells(value), copy),
        _put_cells,
        _inner_of_function,
        lambda value: id(value.__code__),
    ),
    types.MethodType: Kind(inner=lambda value: (value.__self__, value.__func__)),
    types.BuiltinFunctionType: Kind(inner=lambda value: (value.__self__,)),  # a method of a list, say
    functools.partial: Kind(inner=lambda value: (value.func, value.args, value.keywords)),
    functools._lru_cache_wrapper: Kind(
        lambda value: value.cache_info().misses,
        lambda value, copy: value.cache_info().misses == copy,
        _clear_cache,
        lambda value: (value.__wrapped__,),
        lambda value: tuple(value.cache_info()),
    ),
    torch.Generator: Kind(
        torch.Generator.get_state,
        _equal_tensors,
        torch.Generator.set_state,
        token=lambda value: value.get_state().tolist(),
    ),
    random.Random: Kind(
        random.Random.getstate,
        lambda value, copy: value.getstate() == copy,
        random.Random.setstate,
        token=random.Random.getstate,
    ),
}
_TOLD: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((types.GeneratorType, types.AsyncGeneratorType, types.CoroutineType), "a generator"),
    (io.IOBase, "a file"),
    (socket.socket, "a socket"),
    (torch.cuda.CUDAGraph, "a CUDA graph"),
    (
        (queue.SimpleQueue, threading.local, contextvars.ContextVar, memoryview),
        "of a kind that is not looked into",
    ),
)
_TOLD_BY_HOME = {
    "torch.utils.data": "a dataset or loader",
    "torch.optim": "an optimizer",
    "torch.distributed": "of torch.distributed",
    "lightning": "of Lightning",
    "pytorch_lightning": "of Lightning",
}
_LOOKED_INTO = ("torch.nn.", "torch.distributions.", "torch.ao.")  # of torch's own objects, these alone
_OTHERS = frozenset(  # whose objects change while a check runs, and not by the model
    ["numpy", "pytest", "_pytest", "pluggy", "py", "xdist", "syrupy", "hypothesis", "pytest_modelcheck"]
)
_STDLIB_LOOKED_INTO = ("collections", "types", "argparse", "queue", "random")
PLAIN = frozenset(_PLAIN)
NOTHING = Kind()


@functools.cache  # of the types of all that models hold
def kind_of(cls: Any) -> Kind:
    """What is to be done with values of this type; NOTHING for those that hold no state, or none of the model's."""
    if cls in PLAIN or issubclass(cls, (Tensor, nn.Module, type)):
        return NOTHING
    if told := _told(cls):
        return Kind(told=told)
    exact = CONTAINERS.get(cls) or _FUNCTIONS.get(cls) or _numpys(cls)
    if exact is not None:
        return exact
    if issubclass(cls, torch.Generator):
        return _FUNCTIONS[torch.Generator]
    return _kind_of_object(cls) if _is_looked_into(cls) else container(cls) or NOTHING


def _told(cls: type) -> str:
    for types_, words in _TOLD:
        if issubclass(cls, types_):
            return words
    for base in cls.__mro__:
        for home, words in _TOLD_BY_HOME.items():
            if f"{base.__module__}.".startswith(f"{home}."):
                return words
    opaque = not _is_looked_into(cls) or not (cls.__dictoffset__ or slots_of(cls))
    return "an iterator" if hasattr(cls, "__next__") and opaque else ""


def _is_looked_into(cls: type) -> bool:
    home = cls.__module__
    top = home.partition(".")[0]
    if top == "torch":
        return f"{home}.".startswith(_LOOKED_INTO)
    if top in sys.stdlib_module_names:
        return top in _STDLIB_LOOKED_INTO or cls is threading.Event
    return top not in _OTHERS


def _numpys(cls: type) -> Kind | None:
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return None
    if issubclass(cls, numpy.ndarray):
        return Kind(
            _save_array,
            _equal_arrays,
            _put_array,
            _objects_of_array,
            _array_token,
            lambda value: value.nbytes,
        )
    if issubclass(cls, numpy.random.Generator):
        return _generator(lambda value: value.bit_generator.state, _put_state)
    if issubclass(cls, numpy.random.RandomState):
        return _generator(lambda value: value.get_state(), lambda value, copy: value.set_state(copy))
    return None


def _generator(save: Callable[[Value], Value], put: Callable[[Value, Value], object]) -> Kind:
    return Kind(save, lambda value, copy: pickle.dumps(save(value)) == pickle.dumps(copy), put, token=save)


def _save_array(value: Any) -> Any:
    copy = value.copy()
    copy.flags.writeable = value.flags.writeable
    return copy


def _equal_arrays(value: Any, copy: Any) -> bool:
    """Bit for bit; shape, type and whether it may be written to may have been set anew."""
    if (value.shape, value.dtype, value.flags.writeable) != (copy.shape, copy.dtype, copy.flags.writeable):
        return False
    return identical(value.flat, copy.flat) if value.dtype == object else value.tobytes() == copy.tobytes()


def _put_array(value: Any, copy: Any) -> None:
    value.flags.writeable = True
    if value.size != copy.size:
        value.resize(copy.shape, refcheck=False)
    if value.shape != copy.shape:
        value.shape = copy.shape
    value[...] = copy
    value.flags.writeable = copy.flags.writeable


def _array_token(value: Any) -> object:
    octets = 0 if value.dtype == object else zlib.crc32(numpy_bytes(value))
    return value.shape, str(value.dtype), octets


def numpy_bytes(value: Any) -> Any:
    """Its bytes in order."""
    import numpy

    return numpy.ascontiguousarray(value).reshape(-1).view(numpy.uint8)


def _objects_of_array(value: Any) -> Iterable[object]:
    return value.flat if value.dtype == object else ()

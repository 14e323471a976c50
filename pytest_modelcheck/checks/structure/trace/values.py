"""Values that a call is given, as plain JSON: equal in every process for equal ones, and other for others."""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....model.guard import storage_key
from ....model.state.digest import of_bytes
from ....model.state.kinds import cells
from ..digest import digest
from .bytecode import facts

PER_AXIS = frozenset(
    ["kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "scale_factor"]
)
MOST = 32  # values that are written out; of more there is a digest


def canonical(value: object, name: str = "") -> object:
    """`value` as plain JSON; None for tensors (they are data flow).

    A setting that is the same along all axes is one number: `stride=2` and `stride=(2, 2)` are the same.
    """
    if value is None or isinstance(value, Tensor):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (bool, int, float, str)):
        return _finite(value)
    if isinstance(value, complex):
        return str(value)
    if isinstance(value, (torch.dtype, torch.memory_format)):
        return str(value).removeprefix("torch.")
    if isinstance(value, slice):
        return ":".join("" if v is None else str(canonical(v)) for v in (value.start, value.stop, value.step))
    if isinstance(value, np.ndarray):
        return array_words(value)
    if isinstance(value, (list, tuple)):
        return _sequence(value, name)
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(map(str, map(canonical, value)))
    return _object(value)


def _finite(value: bool | int | float | str) -> object:
    """JSON knows no number for NaN and the infinities; and to digests zeros are one."""
    if isinstance(value, float) and (value - value != 0 or str(value) == "-0.0"):
        return str(value)
    return value


def _sequence(value: Sequence[object], name: str) -> object:
    items = [canonical(item) for item in value]
    if name in PER_AXIS and items and items.count(items[0]) == len(items):
        return items[0]
    if name == "dim" and len(items) == 1:
        return items[0]
    if items and all(item is None for item in items):
        return None
    return items if _size(items) <= MOST else f"{_size(items)} values {digest(items)[:12]}"


def _size(items: object) -> int:
    return sum(map(_size, items)) if isinstance(items, list) else 1


def _object(value: object) -> object:
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (bytes, bytearray)):
        return f"{len(value)} bytes {digest(value.hex())[:12]}"
    if value is Ellipsis:
        return "..."
    if isinstance(value, range):
        return str(value)
    if isinstance(value, functools.partial):
        return [canonical(value.func), canonical(value.args), canonical(value.keywords)]
    if isinstance(value, types.FunctionType) and not value.__module__.startswith("torch."):
        variables = [canonical(v) for v in cells(value) if isinstance(v, (bool, int, float, str))]
        return f"function {digest([*facts(value.__code__), variables])[:12]}"
    try:
        return getattr(value, "__qualname__", type(value).__name__)
    except Exception:  # its own `__getattr__`
        return type(value).__name__


def array_words(value: np.ndarray[Any, Any]) -> object:
    """A small array as it is; a large one by its shape, dtype and a digest."""
    if value.size <= MOST and value.dtype.kind in "biufc":
        return [f"{value.dtype}", canonical(value.tolist())]
    facts = digest([value.dtype.str, value.shape, value.tobytes().hex() if value.dtype != object else ""])
    return f"{value.dtype} {'×'.join(map(str, value.shape))} {facts[:12]}"


def tensor_words(value: Tensor) -> object:
    """The same of a tensor that no operator made."""
    plain = value.detach()
    if not has_memory(plain) or plain.layout is not torch.strided or plain.is_quantized:
        return f"{plain.dtype}".removeprefix("torch.")
    if plain.numel() <= MOST:
        return [f"{plain.dtype}".removeprefix("torch."), canonical(plain.tolist())]
    return f"{plain.dtype} ".removeprefix("torch.") + hash_of(plain)[:12]


def has_memory(tensor: Tensor) -> bool:
    """Whether there are values to read: not on meta, nor where a class only wraps other tensors."""
    return bool(storage_key(tensor))


def hash_of(tensor: Tensor) -> str:
    """SHA-256 of a tensor's shape, dtype and bytes."""
    plain = tensor.detach()
    made = hashlib.sha256(f"{tuple(plain.shape)} {plain.dtype}".encode())
    if not has_memory(plain) and plain.numel():  # of a class that wraps others: theirs, where it names them
        names = plain.__tensor_flatten__()[0] if hasattr(plain, "__tensor_flatten__") else ()
        made.update("".join([hash_of(getattr(plain, name)) for name in names]).encode())
        return made.hexdigest()
    of_bytes(plain.int_repr() if plain.is_quantized else plain, made.update)
    return made.hexdigest()


def version(tensor: Tensor) -> int:
    """How often its memory was written to; -1 where nobody counts."""
    try:
        return tensor._version
    except (RuntimeError, NotImplementedError):  # of inference mode
        return -1

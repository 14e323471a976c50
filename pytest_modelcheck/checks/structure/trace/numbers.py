"""Tensors that stand where an operator wants a number: it reads them as `.item()` does, and no seen call says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from .origins import unwrapped
from .values import has_memory

_INDEXING = ("__getitem__", "__setitem__")
FIRST = {
    name: first
    for first, names in enumerate(
        (
            "arange linspace zeros ones empty full rand randn randint eye",
            "__getitem__ __setitem__ new_zeros new_ones new_empty new_full expand view reshape repeat tile narrow topk "
            "pad roll one_hot split chunk unflatten interpolate adaptive_avg_pool1d adaptive_avg_pool2d",
        )
    )
    for name in names.split()
}
"""Operators that take such tensors, and from which argument on; of an index, only its slices do."""

Read = Callable[[Tensor], object]  # what comes out of a tensor


def numbered(name: str, args: Any, kwargs: Mapping[str, Any], read: Read) -> tuple[Any, Mapping[str, Any]]:
    """The arguments of a call with numbers in place of such tensors."""
    first = FIRST[name]
    if name in _INDEXING:
        return (args[0], _key(args[1], read), *args[2:]), kwargs
    rest = [_number(value, read) for value in args[first:]]
    named = {key: value if key in ("input", "out") else _number(value, read) for key, value in kwargs.items()}
    return (*args[:first], *rest), named


def _key(key: object, read: Read) -> object:
    if isinstance(key, slice):
        ends = key.start, key.stop, key.step
        return (
            slice(*[_number(end, read) for end in ends]) if any(isinstance(e, Tensor) for e in ends) else key
        )
    if isinstance(key, tuple):
        return tuple([_key(part, read) if isinstance(part, slice) else part for part in key])
    return key


def _number(value: Any, read: Read) -> Any:
    if isinstance(value, (tuple, list)) and any(isinstance(item, Tensor) for item in value):
        return type(value)([_number(item, read) for item in value])
    if (
        not isinstance(value, Tensor)
        or value.dim()
        or unwrapped(value)[0] is not value
        or not has_memory(value)
    ):
        return value
    return read(value)

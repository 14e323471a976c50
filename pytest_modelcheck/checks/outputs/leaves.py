"""What a model returns, opened down to its tensors, each under the path that leads to it: "0.boxes".

A path is made of keys, fields and places, joined by dots; a tensor that is returned alone is "output".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from numbers import Number
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import GetAttrKey, MappingKey, SequenceKey, tree_flatten_with_path

ALONE = "output"
UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)


class Opened(NamedTuple):
    """The tensors of an output by path, in order; `others`: what holds no values to compare, `meta.name (str)`."""

    tensors: dict[str, Tensor]
    others: tuple[str, ...]


def leaves(output: object) -> dict[str, Tensor]:
    """The tensors of any output by path, in order; numbers and arrays are tensors here too."""
    return opened(output).tensors


def opened(output: object) -> Opened:
    """All that an output holds. None holds nothing."""
    tensors: dict[str, Tensor] = {}
    others: list[str] = []
    for path, leaf in _walk(output, "", ()):
        tensor = _tensor(leaf)
        if tensor is None:
            others.append(f"{path or ALONE} ({type(leaf).__name__})")
        else:
            tensors[_free(path or ALONE, tensors)] = tensor.detach()
    return Opened(tensors, tuple(others))


def widened(tensor: Tensor) -> Tensor:
    """The same values in a kind that torch computes with: floats of one byte as float32, what has no values of its own
    (two in a byte) as bytes, complex numbers of two halves as complex64; unsigned whole numbers as int64, in which the
    largest of 64 bits are negative.
    """
    if tensor.dtype in UNSIGNED:
        return tensor.to(torch.int64)
    if tensor.dtype is torch.complex32:
        return tensor.to(torch.complex64)
    if not tensor.is_floating_point() or tensor.itemsize > 1:
        return tensor
    try:
        return tensor.to(torch.float32)
    except (NotImplementedError, RuntimeError):
        return tensor.view(torch.uint8)


def _walk(value: object, path: str, above: tuple[int, ...]) -> Iterator[tuple[str, object]]:
    """The leaves with their paths; what holds itself (`above`) is a leaf."""
    inner = None if id(value) in above else _inner(value)
    if inner is None:
        if value is not None:
            yield path, value
        return
    for key, part in inner:
        yield from _walk(part, f"{path}.{key}" if path else str(key), (*above, id(value)))


def _inner(value: object) -> list[tuple[object, object]] | None:
    """What it holds, by key; None for a leaf."""
    if isinstance(value, Tensor):
        return list(enumerate(value.unbind())) if value.is_nested else None
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return list(zip(value._fields, value, strict=True))
    if isinstance(value, (list, tuple)):
        return list(enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return _registered(value)


def _registered(value: object) -> list[tuple[object, object]] | None:
    """What a class holds that told torch how to open it."""
    parts = tree_flatten_with_path(value, is_leaf=lambda part: part is not value)[0]
    if any(part is value for _, part in parts):
        return None
    return [(".".join(map(_key, keys)), part) for keys, part in parts]


def _key(key: object) -> str:
    if isinstance(key, GetAttrKey):
        return key.name
    if isinstance(key, SequenceKey):
        return str(key.idx)
    return str(key.key) if isinstance(key, MappingKey) else str(key).strip("[]<>")


def _tensor(leaf: object) -> Tensor | None:
    """With values in strides; None where it has none."""
    if isinstance(leaf, Tensor):
        return None if leaf.is_meta else _dense(leaf)
    if isinstance(leaf, (Number, np.generic, np.ndarray)):
        try:
            array = np.array(leaf)  # numpy keeps all digits of a float
            return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
        except (TypeError, ValueError, RuntimeError, OverflowError):  # Decimal, objects, text, a huge int
            return None
    return None


def _dense(tensor: Tensor) -> Tensor:
    if tensor.is_quantized:
        return tensor.dequantize()
    return tensor if tensor.layout is torch.strided else tensor.to_dense()


def _free(path: str, taken: Mapping[str, Tensor]) -> str:
    """Keys with dots, or equal ones of different types, may come to one path."""
    while path in taken:
        path += "'"
    return path

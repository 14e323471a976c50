"""Bytes: what an operator reads and writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import torch
from torch import Tensor, nn

from ...model.guard import storage_identity
from . import movement
from .formulas import (
    REGISTERED_TRAFFIC,
    Arguments,
    ThreeTensors,
    TwoTensors,
    first_tensor,
    full_names,
    is_dense,
)
from .packed import unpacked

Moved: TypeAlias = tuple[object, object]  # the values that are read, and written
Traffic: TypeAlias = Callable[[Any, Any], Moved]  # (arguments in the order of the schema, result)
Bytes: TypeAlias = dict[torch.dtype, int]


class Part(NamedTuple):
    """So many elements of a tensor, or of one like it."""

    tensor: Tensor
    elements: int


class Held(NamedTuple):
    """So many bytes of each dtype."""

    sizes: Bytes


def everything(args: Arguments, out: object) -> Moved:
    """All arguments are read, all results written."""
    return args, out


def _made(args: Arguments, out: object) -> Moved:
    """What they are made like is not read."""
    return (), out


def _overwritten(args: Arguments, out: object) -> Moved:
    target, source = (*args[:2], None)[:2]
    if isinstance(target, Tensor) and isinstance(source, Tensor) and _same_place(target, source):
        return (), ()  # `t[:, 2] += v` ends so
    return args[1:], out


def _same_place(one: Tensor, other: Tensor) -> bool:
    if one is other:
        return True
    if (
        one.layout is not torch.strided
        or other.layout is not torch.strided
        or one.is_nested
        or other.is_nested
    ):
        return False
    where = [(t.storage_offset(), t.stride(), t.shape, t.dtype) for t in (one, other)]
    return where[0] == where[1] and storage_identity(one) == storage_identity(other)


def _only_what_comes_out(args: Arguments, out: object) -> Moved:
    """A copy of a part reads that part."""
    return out, out


def _list_in_place(args: Arguments, out: object) -> Moved:
    """It returns nothing."""
    return args, args[0]


def _list_overwritten(args: Arguments, out: object) -> Moved:
    return args[1:], args[0]


# Gathers: of the source only what is taken is read


def _gathered(args: Arguments, out: object) -> Moved:
    return (out, args[1:]), out


def _bags(args: TwoTensors, out: object) -> Moved:
    """Rows of the first operand, as many as there are indices; of the results only the bags."""
    rows = Part(args[0], args[1].numel() * int(args[0].shape[-1]))
    return (rows, args[1:]), first_tensor(out)


def _bags_backward(args: Arguments, out: object) -> Moved:
    """gradient, indices, offsets; what the forward's kernel kept for itself is its own."""
    return args[:3], out


def _bag_weights(args: ThreeTensors, out: object) -> Moved:
    """gradient, weight, indices, ...: each row meets the gradient of its bag."""
    rows = Part(args[1], args[2].numel() * int(args[1].shape[-1]))
    return (args[0], rows, args[2:]), out


# In place: of the target only what is put there is written, and read where it is added or reduced


def _put(target: Tensor, elements: int, read: object, reduces: object) -> Moved:
    part = Part(target, min(elements, target.numel()))
    return ((part, read) if reduces else read), part


def _scattered(args: Any, out: object) -> Moved:
    """target, dimension, index, source or value [, how to reduce]: an element for each index."""
    source, reduces = args[3], len(args) > 4 and args[4] is not None
    taken = Part(source, min(args[2].numel(), source.numel())) if isinstance(source, Tensor) else ()
    return _put(args[0], args[2].numel(), (args[2], taken), reduces)


def _scatter_added(args: Any, out: object) -> Moved:
    return _scattered((*args[:4], "sum"), out)


def _scattered_copy(args: Any, out: object) -> Moved:
    """Out of place: the target as a whole, of the source what the index takes."""
    read, _ = _scattered(args[:4], out)
    return (args[0], read), out


def _rows_put(reduces: bool) -> Traffic:
    """target, dimension, index, source or value: a slice for each index."""

    def traffic(args: Any, out: object) -> Moved:
        target, dimension, index = args[:3]
        length = int(target.shape[dimension]) if target.dim() else 1
        return _put(target, target.numel() // max(1, length) * index.numel(), args[2:], reduces)

    return traffic


def _indexed(args: Any, out: object) -> Moved:
    """target, indices, values, whether to add: what a mask picks is known to the data alone, at most all."""
    target, indices, values, adds = args[0], args[1], args[2], args[3]
    return _put(target, _picked(target, indices), (indices, values), adds)


def _picked(target: Tensor, indices: Sequence[Tensor | None]) -> int:
    shapes: list[tuple[int, ...]] = []
    kept, dimension = 1, 0
    for index in indices:
        masked = index is not None and index.dtype in (torch.bool, torch.uint8)
        dimensions = index.dim() if index is not None and masked else 1
        sizes = target.shape[dimension : dimension + dimensions]
        if index is None:
            kept *= int(sizes[0])
        else:
            shapes.append((math.prod(sizes),) if masked else tuple(index.shape))
        dimension += dimensions
    kept *= math.prod(target.shape[dimension:])
    return math.prod(map(int, torch.broadcast_shapes(*shapes))) * kept


def _taken_put(args: Any, out: object) -> Moved:
    """target, index, source, whether to add: an element for each index."""
    return _put(args[0], args[1].numel(), args[1:], args[3])


def _masked(args: Any, out: object) -> Moved:
    """target, mask, values: at most all is written."""
    return args[1:], args[0]


TRAFFIC: dict[str, Traffic] = {
    **dict.fromkeys(movement.GATHERS, _gathered),
    **dict.fromkeys(movement.OVERWRITES, _overwritten),
    **dict.fromkeys(movement.MADE, _made),
    **dict.fromkeys(movement.PARTS, _only_what_comes_out),
    **{
        name: traffic
        for names, traffic in (
            ("_embedding_bag _embedding_bag_forward_only", _bags),
            ("quantized::embedding_bag_byte_rowwise_offsets", _bags),
            ("quantized::embedding_bag_4bit_rowwise_offsets", _bags),
            ("_embedding_bag_backward", _bags_backward),
            ("_embedding_bag_per_sample_weights_backward", _bag_weights),
            ("_foreach_copy_ _foreach_zero_", _list_overwritten),
            ("scatter_", _scattered),
            ("scatter_add_ scatter_reduce_", _scatter_added),
            ("scatter scatter_add scatter_reduce", _scattered_copy),
            ("index_add_ index_reduce_", _rows_put(True)),
            ("index_copy_ index_fill_", _rows_put(False)),
            ("index_put_ _index_put_impl_", _indexed),
            ("put_", _taken_put),
            ("masked_fill_ masked_scatter_", _masked),
        )
        for name in full_names(names)
    },
}
"""What operators read and write that is not all of their arguments and results."""


def traffic_of(name: str) -> Traffic:
    """What an operator of this name reads and writes."""
    if name in REGISTERED_TRAFFIC:
        return _registered(REGISTERED_TRAFFIC[name])
    if name not in TRAFFIC and name.startswith("aten::_foreach_") and name.endswith("_"):
        return _list_in_place
    return TRAFFIC.get(name, everything)


def _registered(formula: Traffic) -> Traffic:
    """Of a formula that may also tell bytes: they are of the first tensor's dtype."""

    def traffic(args: Arguments, out: object) -> Moved:
        read, written = formula(args, out)
        tensor = first_tensor((args, out))
        dtype = tensor.dtype if tensor is not None else torch.uint8
        held = (Held({dtype: v}) if isinstance(v, int) else v for v in (read, written))
        return next(held), next(held)

    return traffic


def add_bytes(values: object, sums: Bytes) -> int:
    """Bytes of the tensors among `values`, however nested, and of sums of others; also added to `sums`, by dtype."""
    kind = type(values)
    if kind in PLAIN and cast("Tensor", values).layout is torch.strided:
        return _add_plain(cast("Tensor", values), sums)
    if kind is tuple or kind is list:
        total = 0
        for value in cast("list[object]", values):
            if type(value) not in NO_BYTES:
                total += add_bytes(value, sums)
        return total
    return _add_unusual(values, sums)


def _add_plain(tensor: Tensor, sums: Bytes) -> int:
    size = tensor.nbytes if tensor.is_contiguous() or tensor.is_nested else _bytes_once(tensor)
    dtype = tensor.dtype
    sums[dtype] = sums.get(dtype, 0) + size
    return size


PLAIN = (Tensor, nn.Parameter)
NO_BYTES = (type(None), int, bool, float, str)


def _add_unusual(values: object, sums: Bytes) -> int:
    if isinstance(values, Tensor):
        return _add_tensor(values, sums)
    if isinstance(values, Part):
        return _add_tensor(values.tensor, sums, values.elements)
    if isinstance(values, Held):
        return sum(_add(dtype, size, sums) for dtype, size in values.sizes.items())
    if isinstance(values, (list, tuple, dict)):
        return sum(add_bytes(v, sums) for v in (values.values() if isinstance(values, dict) else values))
    return add_bytes(unpacked(values), sums) if isinstance(values, torch.ScriptObject) else 0


def _add(dtype: torch.dtype, size: int, sums: Bytes) -> int:
    sums[dtype] = sums.get(dtype, 0) + size
    return size


def _bytes_once(tensor: Tensor) -> int:
    """What was expanded is there once, and so is where windows overlap."""
    span = elements = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        if not size:
            return 0
        span += (size - 1) * abs(stride)
        elements *= size if stride else 1
    return min(span, elements) * tensor.element_size()


def _add_tensor(tensor: Tensor, sums: Bytes, elements: int | None = None) -> int:
    """Of `elements` of it: a subclass that holds other tensors is what it holds, a sparse one what is stored."""
    parts = inner_tensors(tensor) or (() if is_dense(tensor) else _parts(tensor))
    if not parts:
        count = tensor.numel() if elements is None else elements
        return _add(tensor.dtype, count * tensor.element_size(), sums)
    if elements is None:
        return sum(add_bytes(part, sums) for part in parts)
    held: Bytes = {}
    add_bytes(list(parts), held)
    shares = {dtype: size * elements // max(1, tensor.numel()) for dtype, size in held.items()}
    return add_bytes(Held(shares), sums)


def inner_tensors(tensor: Tensor) -> list[Tensor]:
    """What a tensor subclass holds (quantised weights with their scales, a part of a distributed one)."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    return [getattr(tensor, name) for name in flatten()[0]] if flatten is not None else []


def _parts(tensor: Tensor) -> list[Tensor]:
    """Indices and values of a sparse tensor."""
    if tensor.layout == torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]

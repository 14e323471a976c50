"""Results known without running: on meta torch takes these operators apart in Python, dearer than all the counting.

Each function gets a call's arguments in the order of the schema and returns a tensor like the result, or None where it
is not sure: then torch itself runs the operator, or says what is wrong with the call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from typing_extensions import Unpack

from .formulas import Arguments, OneTensor, TwoTensors

Perhaps: TypeAlias = Tensor | None
Likeness: TypeAlias = Callable[[Any], Perhaps]  # arguments in the order of the schema -> a likeness


def _batch_norm(
    args: tuple[Tensor, Perhaps, Perhaps, Perhaps, Perhaps, bool, Unpack[Arguments]],
) -> Tensor | None:
    """In eval mode, where every vector fits the channels."""
    image, *vectors, training = args[:6]
    fits = image.dim() > 1 and all(v is None or v.shape == image.shape[1:2] for v in vectors)
    return image.clone() if fits and not training else None


def _layer_norm(
    args: tuple[Tensor, Sequence[int], Perhaps, Perhaps, Unpack[Arguments]],
) -> Tensor | None:
    image, shape, weight, bias = args[:4]
    shape = tuple(shape)
    fits = image.shape[-len(shape) :] == shape and all(v is None or v.shape == shape for v in (weight, bias))
    return image.clone() if fits else None


def _linear(args: tuple[Tensor, Tensor, Perhaps, Unpack[Arguments]]) -> Tensor | None:
    image, weight, bias = args[:3]
    fits = image.dim() > 1 and weight.dim() == 2 and image.shape[-1] == weight.shape[1]
    fits = fits and image.dtype == weight.dtype
    if not fits or (bias is not None and (bias.shape != weight.shape[:1] or bias.dtype != weight.dtype)):
        return None
    return image.new_empty((*image.shape[:-1], weight.shape[0]))


def _convolution(
    args: tuple[Tensor, Tensor, Perhaps, Sequence[int], Sequence[int], Sequence[int], int, Unpack[Arguments]],
) -> Tensor | None:
    """Of a batch in the usual order."""
    image, weight, bias, strides, padding, dilation, groups = args[:7]
    dimensions = image.dim() - 2
    fits = image.dim() == weight.dim() and image.is_contiguous() and weight.is_contiguous()
    fits = fits and image.dtype == weight.dtype and image.shape[1] == weight.shape[1] * groups
    fits = fits and weight.shape[0] % groups == 0 and (bias is None or bias.shape == weight.shape[:1])
    if not fits or isinstance(padding, str) or dimensions not in map(len, (strides, padding, dilation)):
        return None
    along = zip(
        image.shape[2:],
        weight.shape[2:],
        _each(strides, dimensions),
        _each(padding, dimensions),
        _each(dilation, dimensions),
        strict=True,
    )
    sizes = [(size + 2 * pad - gap * (window - 1) - 1) // step + 1 for size, window, step, pad, gap in along]
    return image.new_empty((image.shape[0], weight.shape[0], *sizes)) if min(sizes) > 0 else None


def _each(values: Sequence[int], dimensions: int) -> Sequence[int]:
    return values if len(values) == dimensions else [*values] * dimensions


def _matmul(args: TwoTensors) -> Tensor | None:
    """Products of as many pairs of matrices."""
    one, two = args[:2]
    fits = one.dim() == two.dim() > 2 and one.shape[:-2] == two.shape[:-2] and one.shape[-1] == two.shape[-2]
    return one.new_empty((*one.shape[:-1], two.shape[-1])) if fits and _dense_alike(one, two) else None


def _attention(args: tuple[Tensor, Tensor, Tensor, Perhaps, float, Unpack[Arguments]]) -> Tensor | None:
    """Equal heads and widths, no mask, no dropout; the result lies in memory like the query."""
    query, key, value, mask, dropout = args[:5]
    fits = query.dim() == 4 and key.shape == value.shape and query.shape[-1] == key.shape[-1]
    fits = fits and query.shape[:2] == key.shape[:2] and mask is None and not dropout
    if not fits or not (_dense_alike(query, key) and _dense_alike(query, value)):
        return None
    return torch.empty_like(query)


def _grouped_matmul(args: TwoTensors) -> Tensor | None:
    """Rows in groups, each with a matrix of its own: torch itself takes a single dtype on meta."""
    rows, matrices = args[:2]
    fits = rows.dim() == 2 and matrices.dim() == 3 and rows.shape[-1] == matrices.shape[-2]
    return (
        rows.new_empty((rows.shape[0], matrices.shape[-1])) if fits and _dense_alike(rows, matrices) else None
    )


def _element_wise(args: OneTensor) -> Tensor | None:
    return args[0].clone() if args[0].is_floating_point() else None


def _compared(args: tuple[Tensor, object, Unpack[Arguments]]) -> Tensor | None:
    """With a number."""
    tensor, value = args[:2]
    fits = not isinstance(value, Tensor) and tensor.is_floating_point() and tensor.is_contiguous()
    return torch.empty(tensor.shape, dtype=torch.bool, device=tensor.device) if fits else None


def _arithmetic(args: tuple[Tensor, object, Unpack[Arguments]]) -> Tensor | None:
    """Two tensors of which one is broadcast to the other, or a tensor and a number."""
    one, two = args[:2]
    if not isinstance(two, Tensor):
        plain = one.is_floating_point() and isinstance(two, (int, float))
        return one.clone() if plain else None
    if not _dense_alike(one, two):
        return None
    if one.shape == two.shape:
        return one.clone()  # whose strides decide
    if one.dim() == two.dim() and one.is_contiguous() and two.is_contiguous():
        return _both_broadcast(one, two)
    small, large = (one, two) if one.dim() < two.dim() or one.numel() < two.numel() else (two, one)
    return large.clone() if _broadcasts(small, large) else None


def _both_broadcast(one: Tensor, two: Tensor) -> Tensor | None:
    """Of as many dimensions, where each may be 1 in one of them."""
    sizes = list(zip(one.shape, two.shape, strict=True))
    if any(n != m and n != 1 and m != 1 for n, m in sizes):
        return None
    return one.new_empty([m if n == 1 else n for n, m in sizes])


def _broadcasts(small: Tensor, large: Tensor) -> bool:
    """Whether `small` takes the shape of `large`, and cannot lead to other strides than its."""
    missing = large.dim() - small.dim()
    if missing < 0 or any(n not in (1, m) for n, m in zip(small.shape, large.shape[missing:], strict=True)):
        return False
    return small.numel() == max(small.shape, default=1) or (small.is_contiguous() and large.is_contiguous())


def _index(args: tuple[Tensor, Sequence[Perhaps], Unpack[Arguments]]) -> Tensor | None:
    """Rows, picked by one tensor of whole numbers."""
    tensor, indices = args[:2]
    picks = indices[0] if len(indices) == 1 else None
    if picks is None or picks.dtype != torch.int64 or tensor.layout is not torch.strided or not tensor.dim():
        return None
    return tensor.new_empty((*picks.shape, *tensor.shape[1:]))


def _masked_fill(args: tuple[Tensor, Tensor, object, Unpack[Arguments]]) -> Tensor | None:
    tensor, mask, value = args[:3]
    fits = tensor.is_contiguous() and tensor.is_floating_point() and not isinstance(value, Tensor)
    fits = fits and mask.dtype == torch.bool and mask.is_contiguous() and _broadcasts(mask, tensor)
    return tensor.clone() if fits else None


def _roll(args: tuple[Tensor, Sequence[int], Sequence[int], Unpack[Arguments]]) -> Tensor | None:
    tensor, shifts, dims = args[:3]
    fits = len(shifts) == len(dims) > 0 and all(-tensor.dim() <= d < tensor.dim() for d in dims)
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device) if fits else None


def _dense_alike(one: Tensor, two: Tensor) -> bool:
    dense = one.layout is torch.strided and two.layout is torch.strided
    return dense and one.dtype == two.dtype and one.is_floating_point()


LIKENESS: dict[str, Likeness] = {
    "aten::linear": _linear,
    **{f"aten::conv{n}d": _convolution for n in (1, 2, 3)},
    "aten::bmm": _matmul,
    "aten::_grouped_mm": _grouped_matmul,
    "aten::scaled_dot_product_attention": _attention,
    "aten::batch_norm": _batch_norm,
    "aten::layer_norm": _layer_norm,
    "aten::index": _index,
    "aten::masked_fill": _masked_fill,
    "aten::roll": _roll,
    **{f"aten::{name}": _arithmetic for name in ("add", "sub", "mul")},
    **{f"aten::{name}": _compared for name in ("eq", "ne")},
    **{f"aten::{name}": _element_wise for name in ("gelu", "relu", "silu", "sigmoid", "hardswish", "tanh")},
}

"""Results known without running: on meta torch takes these operators apart in Python, dearer than all the counting. The
first of them also makes torch import its compiler (a second) or sympy.

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
from .traffic import PLAIN

Perhaps: TypeAlias = Tensor | None
Likeness: TypeAlias = Callable[[Any], Perhaps]  # arguments in the order of the schema -> a likeness


def _like(tensor: Tensor) -> Tensor:
    """A copy of nothing. Of strides in another order torch, too, computes the same in Python."""
    if not tensor.numel():
        return torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device)
    if tensor.is_contiguous() or not _is_dense(tensor):
        return tensor.clone()
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device)


def _is_dense(tensor: Tensor) -> bool:
    """Whether its elements lie side by side, in whatever order."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def _batch_norm(
    args: tuple[Tensor, Perhaps, Perhaps, Perhaps, Perhaps, bool, Unpack[Arguments]],
) -> Tensor | None:
    """In eval mode, where every vector fits the channels."""
    image, *vectors, training = args[:6]
    fits = image.dim() > 1 and all(v is None or v.shape == image.shape[1:2] for v in vectors)
    return _like(image) if fits and not training else None


def _layer_norm(
    args: tuple[Tensor, Sequence[int], Perhaps, Perhaps, Unpack[Arguments]],
) -> Tensor | None:
    image, shape, weight, bias = args[:4]
    shape = tuple(shape)
    fits = image.shape[-len(shape) :] == shape and all(v is None or v.shape == shape for v in (weight, bias))
    return _like(image) if fits else None


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
    sizes = _places(image.shape[2:], weight.shape[2:], strides, padding, dilation)
    return image.new_empty((image.shape[0], weight.shape[0], *sizes)) if min(sizes) > 0 else None


def _places(sizes: Sequence[int], window: Sequence[int], *more: Sequence[int]) -> list[int]:
    """How many places a window has along each axis; `more`: strides, padding and dilation, one for all axes or each."""
    along = zip(sizes, *(_each(values, len(sizes)) for values in (window, *more)), strict=True)
    return [(size + 2 * pad - gap * (wide - 1) - 1) // step + 1 for size, wide, step, pad, gap in along]


def _each(values: Sequence[int], dimensions: int) -> Sequence[int]:
    return values if len(values) == dimensions else [*values] * dimensions


def _max_pool(
    args: tuple[Tensor, Sequence[int], Sequence[int], Sequence[int], Sequence[int], bool],
) -> Tensor | None:
    return None if args[5] else _pooled(*args[:5])


def _avg_pool(
    args: tuple[Tensor, Sequence[int], Sequence[int], Sequence[int], bool, bool, int | None],
) -> Tensor | None:
    image, window, strides, padding, ceils, _, divisor = args
    return None if ceils or divisor is not None else _pooled(image, window, strides, padding, (1,))


def _pooled(
    image: Tensor,
    window: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Tensor | None:
    """Of a batch of images in the usual order."""
    fits = image.dim() == 4 and image.is_floating_point() and _in_order(image)
    if not fits or any(2 * pad > wide for pad in padding for wide in window):
        return None
    sizes = _places(image.shape[2:], window, strides or window, padding, dilation)
    return image.new_empty((*image.shape[:2], *sizes)) if min(sizes) > 0 else None


def _adaptive_pool(args: tuple[Tensor, Sequence[int], Unpack[Arguments]]) -> Tensor | None:
    image, sizes = args[:2]
    fits = image.dim() == 4 and image.is_floating_point() and _in_order(image) and len(sizes) == 2
    return image.new_empty((*image.shape[:2], *sizes)) if fits and min(sizes) > 0 else None


def _in_order(tensor: Tensor) -> bool:
    """Whether it is surely no image with the channels last: then what is made of it lies as its axes say."""
    return tensor.dim() < 4 or (tensor.stride(-1) == 1 and 1 not in tensor.shape[1:])


def _mean(args: tuple[Any, ...]) -> Tensor | None:
    """Along some axes: tensor, axes, whether they stay, dtype."""
    tensor, axes = args[:2]
    fits = (
        len(args) == 4 and isinstance(axes, (list, tuple)) and args[3] is None and tensor.is_floating_point()
    )
    if (
        not fits
        or not axes
        or not all(isinstance(a, int) and -tensor.dim() <= a < tensor.dim() for a in axes)
    ):
        return None
    gone = {axis % tensor.dim() for axis in axes}
    if len(gone) < len(axes):
        return None
    sizes = [
        1 if axis in gone else size for axis, size in enumerate(tensor.shape) if args[2] or axis not in gone
    ]
    return torch.empty(sizes, dtype=tensor.dtype, device=tensor.device)


def _cat(args: tuple[Sequence[Tensor], int]) -> Tensor | None:
    """Of tensors in the usual order, whose other axes are alike."""
    tensors, axis = [t for t in args[0] if t.shape != (0,)], args[1]  # torch leaves such out
    first = (tensors or args[0])[0]
    if not isinstance(axis, int) or not -first.dim() <= axis < first.dim():
        return None
    axis %= first.dim()
    fits = all(type(t) in PLAIN and t.dtype == first.dtype for t in args[0]) and all(map(_in_order, tensors))
    others = {(t.is_meta, *t.shape[:axis], None, *t.shape[axis + 1 :]) for t in tensors}
    if not fits or len(others) != 1:
        return None
    return first.new_empty(
        (*first.shape[:axis], sum(t.shape[axis] for t in tensors), *first.shape[axis + 1 :])
    )


def _matmul(args: TwoTensors) -> Tensor | None:
    """Products of as many pairs of matrices."""
    one, two = args[:2]
    fits = one.dim() == two.dim() > 2 and one.shape[:-2] == two.shape[:-2] and one.shape[-1] == two.shape[-2]
    return one.new_empty((*one.shape[:-1], two.shape[-1])) if fits and _dense_alike(one, two) else None


def _addmm(args: tuple[Tensor, Tensor, Tensor, Unpack[Arguments]]) -> Tensor | None:
    bias, one, two = args[:3]
    fits = one.dim() == two.dim() == 2 and one.shape[1] == two.shape[0] and bias.shape == two.shape[1:]
    fits = fits and _dense_alike(one, two) and _dense_alike(one, bias)
    return one.new_empty((one.shape[0], two.shape[1])) if fits else None


def _attention(args: tuple[Tensor, Tensor, Tensor, Perhaps, float, Unpack[Arguments]]) -> Tensor | None:
    """Equal heads and widths, no mask, no dropout; the result lies in memory like the query."""
    query, key, value, mask, dropout = args[:5]
    fits = query.dim() == 4 and key.shape == value.shape and query.shape[-1] == key.shape[-1]
    fits = fits and query.shape[:2] == key.shape[:2] and mask is None and not dropout
    if not fits or not (_dense_alike(query, key) and _dense_alike(query, value)):
        return None
    return _like(query)


def _grouped_matmul(args: TwoTensors) -> Tensor | None:
    """Rows in groups, each with a matrix of its own: torch itself takes a single dtype on meta."""
    rows, matrices = args[:2]
    fits = rows.dim() == 2 and matrices.dim() == 3 and rows.shape[-1] == matrices.shape[-2]
    return (
        rows.new_empty((rows.shape[0], matrices.shape[-1])) if fits and _dense_alike(rows, matrices) else None
    )


def _element_wise(args: OneTensor) -> Tensor | None:
    return _like(args[0]) if args[0].is_floating_point() else None


def _element_wise_in_place(args: OneTensor) -> Tensor | None:
    return args[0] if args[0].is_floating_point() else None


def _with_numbers(args: tuple[Tensor, Unpack[Arguments]]) -> Tensor | None:
    """Element-wise, with numbers besides."""
    numbers = all(value is None or isinstance(value, (int, float)) for value in args[1:])
    return _element_wise(args[:1]) if numbers else None


def _with_numbers_in_place(args: tuple[Tensor, Unpack[Arguments]]) -> Tensor | None:
    return args[0] if _with_numbers(args) is not None else None


def _compared(args: tuple[Tensor, object, Unpack[Arguments]]) -> Tensor | None:
    """With a number."""
    tensor, value = args[:2]
    fits = not isinstance(value, Tensor) and tensor.is_floating_point() and tensor.is_contiguous()
    return torch.empty(tensor.shape, dtype=torch.bool, device=tensor.device) if fits else None


def _arithmetic(args: tuple[Tensor, object, Unpack[Arguments]]) -> Tensor | None:
    """Two tensors of which one is broadcast to the other, or a tensor and a number."""
    one, two = args[:2]
    if not isinstance(two, Tensor):
        return _like(one) if _keeps_type(one, two) else None
    if not _dense_alike(one, two):
        return None
    if one.shape == two.shape:
        return _like(one) if one.is_contiguous() or _is_dense(one) else None  # whose strides decide
    if one.is_contiguous() and two.is_contiguous():
        return _both_broadcast(one, two)
    small, large = (one, two) if one.dim() < two.dim() or one.numel() < two.numel() else (two, one)
    return _like(large) if _broadcasts(small, large) else None


def _keeps_type(tensor: Tensor, value: object) -> bool:
    """Whether arithmetic with a number gives numbers of the tensor's type."""
    kinds = (int, float) if tensor.is_floating_point() else (int,)
    return tensor.dtype != torch.bool and not tensor.is_complex() and type(value) in kinds


def _arithmetic_in_place(args: tuple[Tensor, object, Unpack[Arguments]]) -> Tensor | None:
    """A tensor and one that is broadcast to it, or a number."""
    one, two = args[:2]
    if not isinstance(two, Tensor):
        return one if _keeps_type(one, two) else None
    return one if _dense_alike(one, two) and (one.shape == two.shape or _broadcasts(two, one)) else None


def _both_broadcast(one: Tensor, two: Tensor) -> Tensor | None:
    """Each may be 1 along an axis, or lack the first ones."""
    missing = one.dim() - two.dim()
    sizes = list(zip((1,) * -missing + one.shape, (1,) * missing + two.shape, strict=True))
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
    return _like(tensor) if fits else None


def _roll(args: tuple[Tensor, Sequence[int], Sequence[int], Unpack[Arguments]]) -> Tensor | None:
    tensor, shifts, dims = args[:3]
    fits = len(shifts) == len(dims) > 0 and all(-tensor.dim() <= d < tensor.dim() for d in dims)
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=tensor.device) if fits else None


def _dense_alike(one: Tensor, two: Tensor) -> bool:
    dense = one.layout is torch.strided and two.layout is torch.strided
    return dense and one.dtype == two.dtype and one.is_floating_point()


ELEMENT_WISE = [
    "gelu",
    "relu",
    "silu",
    "sigmoid",
    "hardswish",
    "tanh",
    "hardsigmoid",
    "exp",
    "sin",
    "cos",
    "neg",
    "rsqrt",
    "sqrt",
]
WITH_NUMBERS = ["hardtanh", "leaky_relu", "elu", "softplus", "clamp", "clamp_min", "pow"]

LIKENESS: dict[str, Likeness] = {
    "aten::linear": _linear,
    **{f"aten::conv{n}d": _convolution for n in (1, 2, 3)},
    "aten::bmm": _matmul,
    "aten::addmm": _addmm,
    "aten::_grouped_mm": _grouped_matmul,
    "aten::scaled_dot_product_attention": _attention,
    "aten::batch_norm": _batch_norm,
    "aten::layer_norm": _layer_norm,
    "aten::index": _index,
    "aten::masked_fill": _masked_fill,
    "aten::roll": _roll,
    **{f"aten::{name}": _arithmetic for name in ("add", "sub", "mul")},
    **{f"aten::{name}": _compared for name in ("eq", "ne")},
    "aten::max_pool2d": _max_pool,
    "aten::avg_pool2d": _avg_pool,
    "aten::_adaptive_avg_pool2d": _adaptive_pool,
    "aten::mean": _mean,
    "aten::cat": _cat,
    **{f"aten::{name}_": _arithmetic_in_place for name in ("add", "sub", "mul")},
    **{f"aten::{name}": _element_wise for name in ELEMENT_WISE},
    **{f"aten::{name}_": _element_wise_in_place for name in ELEMENT_WISE if name != "gelu"},
    **{f"aten::{name}": _with_numbers for name in WITH_NUMBERS},
    **{f"aten::{name}_": _with_numbers_in_place for name in WITH_NUMBERS if name != "softplus"},
}

"""What each operator costs: a registry of small pure functions keyed by operator.

Two tables. Contractions give MACs (bias not counted), the basis of `macs` and `flops`: torchvision's published
`_ops`. Everything else gives FLOPs that only `flops_all` counts. Views and data movement are known to cost nothing;
an operator in none of these is unknown, and reported by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
Formula = Callable[..., int]  # (arguments of the operator in its schema's order, result) -> a number


MACS: dict[Any, Formula] = {}
OTHER: dict[Any, Formula] = {}


def register_formula(*operators: Any) -> Callable[[Formula], Formula]:
    """Register the MACs of operators: `@register_formula(torch.ops.mylib.myop)` on `def macs(args, out) -> int`.

    `args` are the call's arguments in the order of the operator's schema (defaults filled in), `out` its result.
    Replaces a formula that is there. Raises TypeError for something that is no operator.
    """
    return _registrar(MACS, operators)


def _other(*operators: Any) -> Callable[[Formula], Formula]:
    return _registrar(OTHER, operators)


def _registrar(table: dict[Any, Formula], operators: tuple[Any, ...]) -> Callable[[Formula], Formula]:
    packets = [getattr(operator, "overloadpacket", operator) for operator in operators]
    for packet in packets:
        if not isinstance(packet, torch._ops.OpOverloadPacket):
            raise TypeError(f"{packet!r} is not an operator; give for example torch.ops.mylib.myop")

    def register(formula: Formula) -> Formula:
        table.update(dict.fromkeys(packets, formula))
        return formula

    return register


# Contractions: MACs


@register_formula(aten.mm, aten.bmm, aten.matmul, aten.mv, aten.dot, aten.vdot)
def _product(args: Any, out: Tensor) -> int:
    return out.numel() * args[0].shape[-1]


@register_formula(aten.addmm, aten.baddbmm, aten.addmv)
def _added_product(args: Any, out: Tensor) -> int:
    return out.numel() * args[1].shape[-1]


@register_formula(aten.linear)
def _linear(args: Any, out: Tensor) -> int:
    return out.numel() * args[1].shape[-1]


@register_formula(aten.addbmm)
def _summed_product(args: Any, out: Tensor) -> int:
    return out.numel() * args[1].shape[-1] * args[1].shape[0]


@register_formula(aten.addr)
def _outer(args: Any, out: Tensor) -> int:
    return out.numel()


@register_formula(aten.convolution, aten._convolution, aten.cudnn_convolution, aten.mkldnn_convolution)
def _convolution(args: Any, out: Tensor) -> int:
    image, weight, transposed = args[0], args[1], args[6] if len(args) > 7 else False
    return _convolution_macs(image, weight, out, transposed)


def _convolution_macs(image: Tensor, weight: Tensor, out: Tensor, transposed: bool) -> int:
    """Each output (transposed: each input) element meets the weight once, over one group's channels."""
    pixels = image.numel() if transposed else out.numel()
    return pixels * math.prod(weight.shape[1:])


@register_formula(aten.conv1d, aten.conv2d, aten.conv3d)
def _forward_convolution(args: Any, out: Tensor) -> int:
    return _convolution_macs(args[0], args[1], out, False)


@register_formula(aten.conv_transpose1d, aten.conv_transpose2d, aten.conv_transpose3d)
def _transposed_convolution(args: Any, out: Tensor) -> int:
    return _convolution_macs(args[0], args[1], out, True)


@register_formula(aten.convolution_backward)
def _convolution_backward(args: Any, out: Any) -> int:
    """Gradients of input and weight: as much as the forward, each."""
    gradient, image, weight, transposed, wanted = args[0], args[1], args[2], args[7], args[10]
    return _convolution_macs(image, weight, gradient, transposed) * sum(wanted[:2])


@register_formula(aten._trilinear)
def _trilinear(args: Any, out: Tensor) -> int:
    """Bilinear layers: the full product space, once."""
    shapes = []
    for operand, expanded in zip(args[:3], args[3:6], strict=True):
        shape = list(operand.shape)
        for dimension in expanded:
            shape.insert(dimension, 1)
        shapes.append(shape)
    return math.prod(max(sizes) for sizes in zip(*shapes, strict=True))


def _attention_macs(query: Tensor, key: Tensor, value: Tensor) -> int:
    *batch, length, width = query.shape
    return math.prod(batch) * length * key.shape[-2] * (width + value.shape[-1])


@register_formula(
    aten.scaled_dot_product_attention,
    aten._scaled_dot_product_attention_math,
    aten._scaled_dot_product_flash_attention,
    aten._scaled_dot_product_flash_attention_for_cpu,
    aten._scaled_dot_product_efficient_attention,
    aten._scaled_dot_product_cudnn_attention,
    aten._scaled_dot_product_fused_attention_overrideable,
)
def _attention(args: Any, out: Any) -> int:
    """Q K^T and its product with V; with grouped queries the heads of the query count."""
    return _attention_macs(*args[:3])


@register_formula(
    aten._scaled_dot_product_flash_attention_backward,
    aten._scaled_dot_product_flash_attention_for_cpu_backward,
    aten._scaled_dot_product_efficient_attention_backward,
    aten._scaled_dot_product_cudnn_attention_backward,
)
def _attention_backward(args: Any, out: Any) -> int:
    """Gradients of Q, K, V and the probabilities; the scores are computed again: five products for two."""
    query, key, value = args[1:4]
    *batch, length, width = query.shape
    return math.prod(batch) * length * key.shape[-2] * (3 * width + 2 * value.shape[-1])


@register_formula(aten.mkldnn_rnn_layer)
def _fused_recurrence(args: Any, out: Any) -> int:
    sequence, input_weight, hidden_weight = args[:3]
    return math.prod(sequence.shape[:-1]) * (input_weight.numel() + hidden_weight.numel())


@register_formula(aten._native_multi_head_attention)
def _fused_attention(args: Any, out: Any) -> int:
    query, key, width = args[0], args[1], args[3]
    batch, length, _ = query.shape
    other = key.shape[1]
    return batch * width * (2 * length * width + 2 * other * width + 2 * length * other)


@register_formula(aten._transformer_encoder_layer_fwd)
def _fused_encoder_layer(args: Any, out: Any) -> int:
    """Projections (qkv, out), attention, two linear layers."""
    source, width = args[0], args[1]
    batch, length = source.shape[0], source.shape[1]
    linear = args[3].numel() + args[5].numel() + sum(a.numel() for a in args[13:18] if _is_matrix(a))
    return batch * length * (linear + 2 * length * width)


def _is_matrix(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dim() == 2


# The rest: FLOPs that only `flops_all` counts


def bias_flops(packet: Any, args: Any, out: Any) -> int:
    """One addition per output element where a contraction adds a bias."""
    if packet in (aten.addmm, aten.baddbmm, aten.addmv, aten.addbmm, aten.addr):
        return int(out.numel())
    if packet in _TAKE_A_BIAS and len(args) > 2 and args[2] is not None:
        return int(out.numel())
    return 0


_TAKE_A_BIAS = {
    aten.linear,
    aten.convolution,
    aten._convolution,
    *(getattr(aten, f"conv{kind}{n}d") for kind in ("", "_transpose") for n in (1, 2, 3)),
}


def _first(out: Any) -> Tensor:
    return out if isinstance(out, Tensor) else next(t for t in out if isinstance(t, Tensor))


@_other(
    aten.native_batch_norm,
    aten._native_batch_norm_legit,
    aten._native_batch_norm_legit_no_training,
    aten.batch_norm,
    aten.cudnn_batch_norm,
)
def _batch_norm(args: Any, out: Any) -> int:
    """Folded to a scale and a shift per element in eval mode (mean and variance come on top in training)."""
    return 2 * _first(out).numel()


@_other(aten.native_layer_norm, aten.native_group_norm, aten._fused_rms_norm, aten.rms_norm)
def _layer_norm(args: Any, out: Any) -> int:
    """Mean, variance, normalise, scale, shift."""
    return 5 * _first(out).numel()


@_other(aten._softmax, aten._log_softmax, aten._safe_softmax, aten.softmax, aten.log_softmax)
def _softmax(args: Any, out: Any) -> int:
    """Subtract the maximum, exponential, sum, divide."""
    return 4 * _first(out).numel()


@_other(aten.max_pool2d_with_indices, aten.max_pool3d_with_indices, aten.avg_pool2d, aten.avg_pool3d)
def _pooling(args: Any, out: Any) -> int:
    """One comparison or addition per element of each window."""
    result = _first(out)
    dimensions = args[0].dim() - 2 if args[0].dim() > 3 else args[0].dim() - 1
    window = list(args[1])
    return result.numel() * math.prod(window if len(window) > 1 else window * dimensions)


@_other(
    aten._adaptive_avg_pool2d,
    aten._adaptive_avg_pool3d,
    aten.adaptive_avg_pool2d,
    aten.adaptive_max_pool2d,
    aten.adaptive_max_pool3d,
    aten.cumsum,
    aten.argmax,
    aten.max,
    aten.min,
    aten.sum,
    aten.mean,
    aten.var_mean,
    aten.topk,
    aten.sort,
    aten._euclidean_dist,
    aten._cdist_forward,
)
def _per_input_element(args: Any, out: Any) -> int:
    """Reductions: one operation per element that goes in."""
    return args[0].numel() if isinstance(args[0], Tensor) else 0


@_other(
    aten.upsample_bilinear2d,
    aten._upsample_bilinear2d_aa,
    aten.grid_sampler_2d,
    aten.grid_sampler_3d,
    aten.upsample_bicubic2d,
    aten.upsample_linear1d,
    aten.upsample_trilinear3d,
)
def _interpolation(args: Any, out: Any) -> int:
    """Bilinear: four products and three sums per output element (the others are counted alike)."""
    return 7 * _first(out).numel()


@_other(
    aten.hardswish,
    aten.hardswish_,
    aten._prelu_kernel,
    aten.glu,
    aten.native_dropout,
    aten.bernoulli_,
    aten.rrelu_with_noise,
    aten.cumprod,
)
def per_output_element(args: Any, out: Any) -> int:
    """Element-wise functions: one operation per element that comes out."""
    return _first(out).numel()


def _packets(names: str) -> set[Any]:
    """The operators of these names that this torch has."""
    return {getattr(aten, name) for name in names.split() if hasattr(aten, name)}


FREE = _packets(
    "_assert_tensor_metadata _cudnn_rnn_flatten_weight _local_scalar_dense _unsafe_view as_strided_ empty empty_like "
    "empty_strided lift_fresh new_empty new_empty_strided resize_ set_ is_same_size sym_size "
    "_assert_async equal is_nonzero"
)
"""Known to touch no data."""

GATHERS = _packets("_embedding_bag embedding gather index index_select")
"""Read as much of their first operand as they write, not all of it."""

MOVES = GATHERS | _packets(
    "_pack_padded_sequence _to_copy _upsample_nearest_exact2d affine_grid_generator arange bucketize cat "
    "channel_shuffle clone col2im constant_pad_nd contiguous copy copy_ embedding_dense_backward eye fill fill_ flip "
    "full full_like im2col index_add index_put index_put_ linspace masked_fill masked_fill_ masked_scatter "
    "masked_select new_full new_ones new_zeros nonzero normal normal_ one_hot ones ones_like pad pixel_shuffle "
    "pixel_unshuffle rand rand_like randint randn randn_like randperm reflection_pad1d reflection_pad2d repeat "
    "repeat_interleave replication_pad1d replication_pad2d roll scalar_tensor scatter scatter_ select_backward "
    "select_scatter slice_backward slice_scatter split_with_sizes_copy stack tril triu unbind_copy uniform_ "
    "unsafe_chunk unsafe_split upsample_nearest1d upsample_nearest2d upsample_nearest3d where zero zero_ zeros "
    "zeros_like"
)
"""Data movement: bytes, no operations."""

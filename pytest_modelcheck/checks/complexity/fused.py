"""Operators that hide contractions: attention, recurrent layers, packed (quantised) weights.

Run for real on a CPU, these are where other counters lose whole layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import islice, zip_longest
from typing import Any, TypeAlias

import torch
from torch import Tensor
from typing_extensions import Unpack

from .formulas import Arguments, Formula, OneTensor, ThreeTensors, TwoTensors, convolution, macs, other

Tensors: TypeAlias = list[Tensor] | tuple[Tensor, ...]

# Attention


def attention_macs(query: Tensor, key: Tensor, value: Tensor) -> int:
    """Q K^T and its product with V; of grouped queries and broadcast batches the larger number counts.

    Shapes (batch..., heads, length, width).
    """
    return pairs(query, key) * (query.size(-1) + value.size(-1))


def pairs(query: Tensor, key: Tensor) -> int:
    """Scores: one for each query and key of each head; a batch that one of them lacks is broadcast."""
    if query.is_nested:  # sequences of several lengths: (heads, length, width) of each
        sizes = zip(query._nested_tensor_size().tolist(), key._nested_tensor_size().tolist(), strict=True)
        return sum(math.prod(q[:-1]) * int(k[-2]) for q, k in sizes)
    heads = zip_longest(reversed(query.shape[:-2]), reversed(key.shape[:-2]), fillvalue=1)
    return math.prod(max(q, k) for q, k in heads) * int(query.shape[-2] * key.shape[-2])


SDPA = (
    "scaled_dot_product_attention _scaled_dot_product_attention_math _scaled_dot_product_flash_attention "
    "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_efficient_attention "
    "_scaled_dot_product_cudnn_attention _scaled_dot_product_fused_attention_overrideable "
    "_scaled_dot_product_attention_math_for_mps _cudnn_attention_forward _triton_scaled_dot_attention "
    "higher_order::flex_attention"
)
SOFTMAX = 4  # subtract the maximum, exponential, sum, divide


@macs(SDPA)
def _attention(args: ThreeTensors, out: object) -> int:
    return attention_macs(*args[:3])


@other(SDPA)
def _attention_softmax(args: TwoTensors, out: object) -> int:
    return SOFTMAX * pairs(args[0], args[1])


@macs(
    "_scaled_dot_product_flash_attention_backward _scaled_dot_product_flash_attention_for_cpu_backward "
    "_scaled_dot_product_efficient_attention_backward _scaled_dot_product_cudnn_attention_backward "
    "_scaled_dot_product_fused_attention_overrideable_backward _cudnn_attention_backward"
)
def _attention_backward(args: tuple[object, Tensor, Tensor, Tensor, Unpack[Arguments]], out: object) -> int:
    """Gradients of Q, K, V and the probabilities: four products for two. That some kernels compute the scores again,
    to save memory, is their own business."""
    return _backward_products(*args[1:4])


@macs("higher_order::flex_attention_backward")
def _flex_backward(args: ThreeTensors, out: object) -> int:
    return _backward_products(*args[:3])


def _backward_products(query: Tensor, key: Tensor, value: Tensor) -> int:
    return 2 * attention_macs(query, key, value)


@macs("_flash_attention_forward _efficient_attention_forward")
def _attention_of_lengths(
    args: tuple[Tensor, Tensor, Tensor, object, object, object, Unpack[Arguments]], out: object
) -> int:
    """Shapes (batch, length, heads, width); with cumulative lengths, sequences of several lengths in one batch."""
    query, key, value = args[:3]
    starts = [a for a in args[3:6] if isinstance(a, Tensor) and a.dim() == 1 and not a.is_floating_point()]
    heads, widths = query.shape[-2], query.shape[-1] + value.shape[-1]
    if len(starts) == 2 and not starts[0].is_meta:
        lengths, others = (start.diff() for start in starts)
        return int((lengths * others).sum()) * heads * widths
    batch = math.prod(query.shape[:-3])
    return batch * heads * int(query.shape[-3] * key.shape[-3]) * widths


@macs("_flash_attention_backward _efficient_attention_backward")
def _attention_of_lengths_backward(args: Any, out: object) -> int:
    """gradient, query, key, value, two more, perhaps cumulative lengths: twice the forward."""
    return 2 * _attention_of_lengths((*args[1:4], *args[6:8], None), out)


@macs("_native_multi_head_attention")
def _attention_module(args: tuple[Tensor, Tensor, object, int, Unpack[Arguments]], out: object) -> int:
    """Projections of query, key, value and output, and the attention itself."""
    query, key, width = args[0], args[1], args[3]
    batch, length, _ = query.shape
    other_length = key.shape[1]
    return int(batch * width * (2 * length * width + 2 * other_length * width + 2 * length * other_length))


@macs("_transformer_encoder_layer_fwd")
def _encoder_layer(
    args: tuple[Tensor, int, object, Tensor, object, Tensor, Unpack[Arguments]], out: object
) -> int:
    """Projections (qkv, out), attention, two linear layers."""
    source, width = args[0], args[1]
    batch, length = source.shape[0], source.shape[1]
    linear = args[3].numel() + args[5].numel() + _matrices(islice(args, 13, 18))
    return int(batch * length * (linear + 2 * length * width))


def _matrices(values: Iterable[object]) -> int:
    return sum(v.numel() for v in values if isinstance(v, Tensor) and v.dim() == 2)


# Recurrent layers: every matrix meets every step of every sequence once

GATES = {"lstm": 4, "gru": 3, "rnn": 1}  # each as wide as the hidden state
STEP = {
    "lstm": 21,
    "gru": 16,
    "rnn": 4,
}  # FLOPs per hidden unit and step: biases, sums, gates (two biases per gate)


@macs("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell")
def _recurrent_cell(args: tuple[Tensor, object, Tensor, Tensor, Unpack[Arguments]], out: object) -> int:
    """input, state, matrices, biases."""
    return steps(args[0]) * _matrices(args[2:4])


@macs("lstm gru rnn_tanh rnn_relu")
def _recurrent_layer(args: OneTensor, out: object) -> int:
    """input, [batch sizes,] state, parameters: packed sequences come as (steps in all, width)."""
    return steps(args[0]) * _matrices(parameters(args))


def steps(sequence: Tensor) -> int:
    return math.prod(sequence.shape[:-1])


def parameters(args: Arguments) -> list[Tensor]:
    """The list with matrices in it (states have three dimensions)."""
    lists = [a for a in args if isinstance(a, (list, tuple)) and a and isinstance(a[0], Tensor)]
    return list(lists[-1])


def _step_flops(kind: str) -> Formula:
    def formula(args: OneTensor, out: object) -> int:
        held = parameters(args)
        width = held[0].shape[0]  # of all gates; the matrices of the input and of the state have it
        layers = sum(p.dim() == 2 and p.shape[0] == width for p in held) // 2
        biased = any(p.dim() == 1 for p in held)
        per_unit = STEP[kind] - (0 if biased else 2 * GATES[kind])
        return steps(args[0]) * layers * width // GATES[kind] * per_unit

    return formula


def _cell_flops(kind: str) -> Formula:
    def formula(args: Any, out: object) -> int:
        hidden = int(args[2].shape[0]) // GATES[kind]
        biased = any(isinstance(a, Tensor) for a in args[4:])
        return steps(args[0]) * hidden * (STEP[kind] - (0 if biased else 2 * GATES[kind]))

    return formula


for _kind, _names in (("lstm", "lstm"), ("gru", "gru"), ("rnn", "rnn_tanh rnn_relu")):
    other(_names)(_step_flops(_kind))
    other(" ".join(f"{name}_cell" for name in _names.split()))(_cell_flops(_kind))


@macs("mkldnn_rnn_layer")
def _fused_layer(args: ThreeTensors, out: object) -> int:
    sequence, input_weight, hidden_weight = args[:3]
    return steps(sequence) * int(input_weight.numel() + hidden_weight.numel())


@other("mkldnn_rnn_layer")
def _fused_layer_gates(args: ThreeTensors, out: object) -> int:
    return steps(args[0]) * int(args[2].shape[-1]) * STEP["lstm"]


@macs("_cudnn_rnn miopen_rnn")
def _cudnn_layer(args: tuple[Tensor, Tensors, Unpack[Arguments]], out: object) -> int:
    return steps(args[0]) * _matrices(args[1])


@macs("_cudnn_rnn_backward miopen_rnn_backward mkldnn_rnn_layer_backward")
def _recurrent_backward(args: tuple[Tensor, Tensor | Tensors, object, Unpack[Arguments]], out: object) -> int:
    """Gradients of states and weights: as much as the forward, each."""
    weights = args[1] if isinstance(args[1], (list, tuple)) else args[1:3]
    return 2 * steps(args[0]) * _matrices(weights)


def _quantized_layer(gates: int) -> Formula:
    def formula(args: tuple[Tensor, Tensor | Tensors, object, Unpack[Arguments]], out: object) -> int:
        """The weights are packed: input, state and the number of layers say how large they are."""
        state = args[1][0] if isinstance(args[1], (list, tuple)) else args[1]
        layers = next(a for a in args[3:] if isinstance(a, int) and not isinstance(a, bool))
        hidden, directions = int(state.shape[-1]), state.shape[0] // layers
        widths = [int(args[0].shape[-1])] + [hidden * directions] * (layers - 1)
        return steps(args[0]) * directions * gates * hidden * sum(width + hidden for width in widths)

    return formula


def _quantized_cell(gates: int) -> Formula:
    def formula(args: tuple[Tensor, Tensor | Tensors, Unpack[Arguments]], out: object) -> int:
        state = args[1][0] if isinstance(args[1], (list, tuple)) else args[1]
        hidden = int(state.shape[-1])
        return steps(args[0]) * gates * hidden * (int(args[0].shape[-1]) + hidden)

    return formula


macs("quantized_lstm")(_quantized_layer(4))
macs("quantized_gru")(_quantized_layer(3))
macs("quantized::quantized_lstm_cell_dynamic")(_quantized_cell(4))
macs("quantized::quantized_gru_cell_dynamic")(_quantized_cell(3))
macs("quantized::quantized_rnn_tanh_cell_dynamic quantized::quantized_rnn_relu_cell_dynamic")(
    _quantized_cell(1)
)


# Packed convolutions


def _packed_weight(packed: Any) -> Tensor:
    weight: Tensor = packed.unpack()[0]
    return weight


@macs(
    "quantized::conv1d quantized::conv2d quantized::conv3d quantized::conv1d_relu quantized::conv2d_relu "
    "quantized::conv3d_relu quantized::conv2d_add quantized::conv2d_add_relu quantized::conv1d_dynamic "
    "quantized::conv2d_dynamic quantized::conv3d_dynamic"
)
def _packed_convolution(args: OneTensor, out: Tensor) -> int:
    packed = next(a for a in args if isinstance(a, torch.ScriptObject))
    return convolution(args[0], _packed_weight(packed), out, False)


@macs(
    "quantized::conv_transpose1d quantized::conv_transpose2d quantized::conv_transpose3d "
    "quantized::conv_transpose1d_dynamic quantized::conv_transpose2d_dynamic quantized::conv_transpose3d_dynamic"
)
def _packed_transposed_convolution(
    args: tuple[Tensor, torch.ScriptObject, Unpack[Arguments]], out: Tensor
) -> int:
    return convolution(args[0], _packed_weight(args[1]), out, True)

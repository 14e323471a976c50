"""What operators cost that are no contractions: FLOPs for `flops_all`.

Tables of names with one number each; the few that need more are functions. Conventions where there is a choice:
an element-wise function is one operation per element however it is computed, a comparison is one operation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor
from typing_extensions import Unpack

from .formulas import Arguments, OneTensor, TwoTensors, elements, other


def _per_output(flops: int, names: str) -> None:
    other(names)(lambda args, out: flops * elements(out))


def _per_input(flops: int, names: str) -> None:
    other(names)(lambda args, out: flops * elements(args))


# Element-wise (most are known by torch's own tag)
_per_output(
    1,
    "hardswish _prelu_kernel glu rrelu_with_noise cumsum cumprod cummax cummin _cummax_helper _cummin_helper "
    "_add_relu log_sigmoid_forward threshold floor_divide complex polar xlogy rsub _fused_dropout native_dropout "
    "dist renorm embedding_renorm_ bernoulli isin heaviside copysign eq ne ge "
    "gt le lt logcumsumexp _logcumsumexp _masked_scale linalg_cross trace "
    "quantized::add quantized::add_relu quantized::mul quantized::mul_relu quantized::add_scalar "
    "quantized::add_scalar_relu quantized::mul_scalar quantized::mul_scalar_relu quantized::hardswish "
    "quantized::relu6 quantized::leaky_relu quantized::elu quantized::celu quantized::sigmoid quantized::threshold "
    "quantized::clamp quantized::prelu quantized::dropout",
)
_per_output(
    1,  # gradients of element-wise functions
    "_prelu_kernel_backward elu_backward gelu_backward glu_backward hardshrink_backward hardsigmoid_backward "
    "hardswish_backward hardtanh_backward leaky_relu_backward log_sigmoid_backward rrelu_with_noise_backward "
    "softplus_backward softshrink_backward threshold_backward _cdist_backward _pdist_backward native_dropout_backward",
)
_per_output(
    2,  # scale and zero point
    "quantize_per_tensor quantize_per_channel quantize_per_tensor_dynamic dequantize "
    "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask "
    "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams _fake_quantize_learnable_per_tensor_affine "
    "_fake_quantize_learnable_per_channel_affine quantized_decomposed::quantize_per_tensor "
    "quantized_decomposed::dequantize_per_tensor quantized_decomposed::quantize_per_channel "
    "quantized_decomposed::dequantize_per_channel",
)

_per_output(
    4,  # minimum and maximum; scale and zero point
    "_fused_moving_avg_obs_fq_helper _fused_moving_avg_obs_fq_helper_functional "
    "_fake_quantize_learnable_per_tensor_affine_backward _fake_quantize_learnable_per_channel_affine_backward",
)

# Normalisation: batch norm is a scale and a shift in eval mode; the others find mean and variance first
_per_output(
    2,
    "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training batch_norm cudnn_batch_norm "
    "miopen_batch_norm _batch_norm_with_update _batch_norm_no_update quantized_batch_norm quantized::batch_norm "
    "quantized::batch_norm1d quantized::batch_norm2d quantized::batch_norm3d quantized::batch_norm1d_relu "
    "quantized::batch_norm2d_relu quantized::batch_norm3d_relu _weight_norm_interface "
    "batch_norm_elemt",
)
_per_output(
    5,
    "native_layer_norm native_group_norm layer_norm group_norm instance_norm _fused_rms_norm rms_norm "
    "quantized::layer_norm quantized::group_norm quantized::instance_norm",
)
_per_output(
    10,  # twice the forward
    "native_layer_norm_backward native_group_norm_backward _fused_rms_norm_backward",
)
_per_output(
    4,
    "native_batch_norm_backward cudnn_batch_norm_backward batch_norm_backward batch_norm_backward_elemt "
    "_weight_norm_interface_backward",
)
_per_output(
    4,  # subtract the maximum, exponential, sum, divide; the gradient: multiply, sum, subtract, multiply
    "_softmax _log_softmax _safe_softmax softmax log_softmax quantized::softmax _masked_softmax "
    "_softmax_backward_data _log_softmax_backward_data _masked_softmax_backward _sparse_softmax "
    "_sparse_log_softmax _sparse_softmax_backward_data _sparse_log_softmax_backward_data",
)

# Interpolation: products with the weights, and their sum
_per_output(3, "upsample_linear1d upsample_linear1d_backward")
_per_output(
    7,
    "upsample_bilinear2d _upsample_bilinear2d_aa upsample_bilinear2d_backward _upsample_bilinear2d_aa_backward",
)
_per_output(15, "upsample_trilinear3d upsample_trilinear3d_backward")
_per_output(
    31,
    "upsample_bicubic2d _upsample_bicubic2d_aa upsample_bicubic2d_backward _upsample_bicubic2d_aa_backward",
)
_per_output(71, "_upsample_lanczos2d_aa _upsample_lanczos2d_aa_backward")

# Reductions, searches, losses: so much per element that goes in
_per_input(
    1,
    "sum mean max min amax amin aminmax _aminmax argmax argmin all any prod nansum count_nonzero topk sort argsort "
    "median nanmedian mode kthvalue unique_consecutive _unique _unique2 unique_dim unique_dim_consecutive histc "
    "histogram bincount _histogramdd_from_bin_cts _histogramdd_from_bin_tensors searchsorted hash_tensor "
    "nll_loss_forward nll_loss2d_forward nll_loss_backward nll_loss2d_backward "
    "_segment_reduce_backward segment_reduce _is_all_true _is_any_true _sparse_sum _sparse_csr_sum multinomial",
)
_per_input(
    2, "norm linalg_vector_norm native_norm logsumexp soft_margin_loss_backward _histogramdd_bin_edges"
)
_per_input(
    3,  # difference, function, sum
    "var std var_mean std_mean mse_loss mse_loss_backward huber_loss_backward smooth_l1_loss_backward "
    "binary_cross_entropy_backward soft_margin_loss multi_margin_loss multilabel_margin_loss_forward batch_norm_stats",
)
_per_input(
    5, "huber_loss smooth_l1_loss binary_cross_entropy binary_cross_entropy_with_logits l1_loss kl_div"
)
_per_output(3, "multi_margin_loss_backward multilabel_margin_loss_backward")
_per_input(4, "_ctc_loss _ctc_loss_backward _cudnn_ctc_loss batch_norm_backward_reduce")
_per_input(
    1, "_adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool2d adaptive_max_pool2d adaptive_max_pool3d"
)
_per_output(
    1,
    "_adaptive_avg_pool2d_backward _adaptive_avg_pool3d_backward adaptive_max_pool2d_backward "
    "adaptive_max_pool3d_backward max_pool2d_with_indices_backward max_pool3d_with_indices_backward "
    "avg_pool2d_backward avg_pool3d_backward fractional_max_pool2d_backward fractional_max_pool3d_backward",
)


@other(
    "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d max_pool1d max_pool2d max_pool3d "
    "avg_pool1d mkldnn_max_pool2d quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d "
    "quantized::max_pool1d quantized::max_pool2d fractional_max_pool2d fractional_max_pool3d"
)
def _pooling(args: tuple[Tensor, int | Sequence[int], Unpack[Arguments]], out: object) -> int:
    """One comparison or addition per element of each window."""
    window = [args[1]] if isinstance(args[1], int) else list(args[1])
    dimensions = max(1, args[0].dim() - 2)
    return elements(out) * math.prod(window if len(window) > 1 else window * dimensions)


@other("grid_sampler_2d grid_sampler_3d cudnn_grid_sampler grid_sampler_2d_backward grid_sampler_3d_backward")
def _grid_sample(args: OneTensor, out: object) -> int:
    """Interpolation mode 0: linear between 4 or 8 neighbours; 1: the nearest; 2: cubic."""
    mode = next((a for a in args if isinstance(a, int) and not isinstance(a, bool)), 0)
    linear = 7 if args[0].dim() == 4 else 15
    return elements(out) * {0: linear, 1: 0, 2: 31}.get(mode, linear)


@other("_embedding_bag _embedding_bag_forward_only")
def _bags(args: TwoTensors, out: object) -> int:
    """The sum (or mean, or maximum) of the rows of each bag."""
    return elements(args[1]) * int(args[0].shape[-1])


@other("index_add index_reduce")
def _rows_added(args: tuple[Tensor, int, Tensor, Tensor, Unpack[Arguments]], out: object) -> int:
    """One operation for each element that is put there."""
    return elements(args[3])


@other("scatter_add scatter_reduce")
def _scatter_added(args: tuple[Tensor, int, Tensor, Unpack[Arguments]], out: object) -> int:
    return elements(args[2])


@other("_cdist_forward _euclidean_dist _pdist_forward")
def _distances(args: OneTensor, out: object) -> int:
    """Difference, square, sum for each coordinate; a root for each pair."""
    return elements(out) * (3 * int(args[0].shape[-1]) + 1)


@other("_fft_c2c _fft_r2c _fft_c2r")
def _fourier(args: tuple[Tensor, Sequence[int], Unpack[Arguments]], out: Tensor) -> int:
    """5 n log2 n for each complex transform, half of it for a real one (Cooley and Tukey; the convention of FFTW)."""
    real = not (args[0].is_complex() and out.is_complex())
    full = (
        out if args[0].is_complex() else args[0]
    )  # of a real transform's two sides, the one that is not halved
    length = math.prod(full.shape[d] for d in args[1])
    return round((2.5 if real else 5) * full.numel() * math.log2(length)) if length > 1 else 0


@other("torchvision::roi_align torchvision::ps_roi_align")
def _roi_align(args: Arguments, out: object) -> int:
    """Bilinear samples, averaged: `sampling_ratio` squared per element; one where the regions decide (0 or below)."""
    ratio = next((a for a in args[5:] if isinstance(a, int) and not isinstance(a, bool)), 1)
    return elements(out) * max(1, ratio) ** 2 * 8


@other("torchvision::nms")
def _suppression(args: OneTensor, out: object) -> int:
    """At most: the overlap of every pair of boxes."""
    boxes = int(args[0].shape[0])
    return boxes * (boxes - 1) // 2 * 13


@other("torchvision::roi_pool torchvision::ps_roi_pool")
def _roi_pool(args: Arguments, out: object) -> int:
    return elements(out)

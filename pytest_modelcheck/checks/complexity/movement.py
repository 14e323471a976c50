"""Operators that cost no operations: those that touch no data, and those that only move it."""

from __future__ import annotations

from .formulas import full_names

FREE = frozenset(
    full_names(
        "dim size stride numel storage_offset sym_numel sym_stride sym_storage_offset is_contiguous sym_is_contiguous "
        "is_strides_like_format is_non_overlapping_and_dense "
        "_assert_tensor_metadata _cudnn_rnn_flatten_weight _local_scalar_dense _unsafe_view as_strided_ empty "
        "scalar_tensor unsafe_chunk unsafe_split unsafe_split_with_sizes "
        "empty_like empty_strided empty_permuted empty_quantized _empty_affine_quantized lift lift_fresh new_empty "
        "new_empty_strided resize_ resize_as_ set_ is_same_size sym_size _assert_async _assert_scalar "
        "_functional_assert_async _functional_assert_scalar is_nonzero is_pinned is_set_to _has_same_storage_numel "
        "_linalg_check_errors _fused_sdp_choice _use_cudnn_ctc_loss sparse_dim dense_dim _dimI _dimV _nnz is_coalesced "
        "_coalesced _coalesced_ _validate_compressed_sparse_indices _efficientzerotensor record_stream "
        "q_scale q_zero_point q_per_channel_scales q_per_channel_zero_points q_per_channel_axis qscheme _print "
        "sym_constrain_range sym_constrain_range_for_size _sparse_coo_tensor_unsafe _sparse_csr_tensor_unsafe "
        "_sparse_coo_tensor_with_dims _sparse_coo_tensor_with_dims_and_tensors _sparse_compressed_tensor_with_dims "
        "sparse_coo_tensor sparse_compressed_tensor _nested_get_offsets _nested_get_lengths _nested_get_max_seqlen "
        "_nested_get_min_seqlen _nested_get_ragged_idx _nested_get_jagged_dummy _nested_tensor_size "
        "_nested_tensor_strides _nested_tensor_storage_offsets"
    )
)
"""Known to touch no data (as views do)."""

GATHERS = frozenset(
    full_names("embedding gather index index_select take _unsafe_index quantized::embedding_byte")
)
"""Read as much of their first operand as they write, not all of it."""

PARTS = frozenset(
    full_names(
        "select_copy slice_copy narrow_copy diagonal_copy as_strided_copy split_copy split_with_sizes_copy unbind_copy "
        "unfold_copy diag"
    )
)
"""Read what they write, and nothing else."""

PUTS = frozenset(
    full_names(
        "index_put_ _index_put_impl_ index_copy_ index_fill_ scatter_ masked_scatter_ masked_fill_ put_ "
        "quantized::embedding_bag_byte_rowwise_offsets quantized::embedding_bag_4bit_rowwise_offsets"
    )
)
"""Write to, or read, a part of their first operand."""

OVERWRITES = frozenset(
    full_names(
        "copy_ fill_ zero_ normal_ uniform_ bernoulli_ random_ exponential_ cauchy_ geometric_ log_normal_"
    )
)
"""Write all of their first operand, and do not read it."""

MADE = frozenset(
    full_names(
        "full_like ones_like zeros_like rand_like randint_like randn_like new_full new_ones new_zeros "
        "_new_zeros_with_same_feature_meta"
    )
)
"""New tensors, of the shape or the kind of one that is not read."""

MOVES = (
    GATHERS
    | PARTS
    | PUTS
    | OVERWRITES
    | MADE
    | frozenset(
        full_names(
            "_pack_padded_sequence _to_copy _upsample_nearest_exact1d _upsample_nearest_exact2d "
            "_upsample_nearest_exact3d affine_grid_generator arange as_strided_scatter binomial block_diag bucketize "
            "cat channel_shuffle clone col2im constant_pad_nd copy diag_embed diagonal_backward "
            "diagonal_scatter embedding_dense_backward _embedding_bag_backward _embedding_bag_dense_backward equal "
            "allclose eye fill flip full im2col index_copy index_fill index_put int_repr linspace "
            "logspace masked_fill masked_scatter masked_scatter_backward masked_select max_unpool2d "
            "max_unpool3d narrow_copy _reshape_copy _pack_sequence _conj_physical nonzero nonzero_static normal "
            "one_hot ones pad pixel_shuffle pixel_unshuffle poisson put rand randint "
            "randn randperm range reflection_pad1d reflection_pad2d reflection_pad3d "
            "reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward repeat repeat_interleave "
            "replication_pad1d replication_pad2d replication_pad3d replication_pad1d_backward "
            "replication_pad2d_backward replication_pad3d_backward roll rot90 scatter select_backward "
            "select_scatter slice_backward slice_scatter split_with_sizes_copy stack _stack _chunk_cat tril tril_ triu "
            "triu_ tril_indices triu_indices unbind_copy unfold_backward uniform "
            "upsample_nearest1d upsample_nearest2d upsample_nearest3d "
            "upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward "
            "_upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward _upsample_nearest_exact3d_backward "
            "where zeros hann_window hamming_window bartlett_window blackman_window kaiser_window "
            "fft_fftfreq fft_rfftfreq _to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc _to_dense "
            "_coalesce sparse_mask _sparse_mask_projection to_mkldnn mkldnn_reorder_conv2d_weight "
            "_convert_indices_from_coo_to_csr _convert_indices_from_csr_to_coo _nested_from_padded "
            "_nested_from_padded_tensor _nested_tensor_from_tensor_list to_padded_tensor "
            "_padded_dense_to_jagged_forward _jagged_to_padded_dense_forward lu_unpack _pin_memory _lazy_clone "
            "_unsafe_masked_index _unsafe_index_put _foreach_copy _foreach_clone _foreach_zero _standard_gamma "
            "_sample_dirichlet "
            "_transform_bias_rescale_qkv quantized::cat quantized::cat_relu "
            "quantized::linear_prepack quantized::conv2d_prepack"
        )
    )
)
"""Data movement: bytes, no operations."""

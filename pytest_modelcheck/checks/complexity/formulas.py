"""What each operator costs: a registry of small pure functions keyed by the operator's name, "aten::mm".

Two tables. `MACS` gives the multiply-accumulates of contractions (bias not counted), the basis of `macs` and `flops`:
torchvision's published `_ops`. `OTHER` gives FLOPs that only `flops_all` counts: bias, normalisation, element-wise.
An operator may be in both. This module holds the registry and the contractions; `fused` the operators that hide
contractions, `algebra` and `elementwise` the rest, `movement` what costs nothing. What is in none of them is unknown,
and reported by name.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

import torch
from torch import Tensor
from typing_extensions import Unpack

from .checked import checked_amount, checked_pair

Formula: TypeAlias = Callable[[Any, Any], int]  # (arguments in the order of the schema, result) -> a number

# A call's arguments, in the order of the schema: any, or those that begin with tensors
Arguments: TypeAlias = tuple[object, ...]
OneTensor: TypeAlias = tuple[Tensor, Unpack[Arguments]]
TwoTensors: TypeAlias = tuple[Tensor, Tensor, Unpack[Arguments]]
OneList: TypeAlias = tuple[Sequence[Tensor], Unpack[Arguments]]
ThreeTensors: TypeAlias = tuple[Tensor, Tensor, Tensor, Unpack[Arguments]]

Registered = TypeVar("Registered", bound=Callable[[Any, Any], object])

MACS: dict[str, Formula] = {}
OTHER: dict[str, Formula] = {}
REGISTERED_TRAFFIC: dict[str, Callable[[Any, Any], tuple[object, object]]] = {}


def register_formula(*operators: object, counts: str = "macs") -> Callable[[Registered], Registered]:
    """Register what operators cost: `@register_formula(torch.ops.mylib.myop)` on `def macs(args, out) -> int`.

    `args` are the call's arguments in the order of the operator's schema (defaults filled in, `out=` aside), `out` its
    result. `counts` says what the function returns: "macs"; "other_flops" (those that only `flops_all` has);
    "traffic", a pair of what is read and what is written, each tensors (however nested) or a number of bytes. Replaces
    a formula that is there. Raises TypeError for something that is no operator, ValueError for another `counts`.
    """
    names = [operator_name(operator) for operator in operators]
    tables: dict[str, dict[str, Any]] = {"macs": MACS, "other_flops": OTHER, "traffic": REGISTERED_TRAFFIC}
    if counts not in tables:
        raise ValueError(f"counts={counts!r} is not one of 'macs', 'other_flops', 'traffic'")
    register = _registrar(tables[counts], names)

    def checked(formula: Registered) -> Registered:
        register(checked_pair(formula) if counts == "traffic" else checked_amount(formula))
        return formula

    return checked


def operator_name(operator: object) -> str:
    """ "aten::mm" for torch.ops.aten.mm and its overloads. Raises TypeError for something that is no operator."""
    packet = getattr(operator, "overloadpacket", operator)
    if isinstance(packet, torch._ops.OpOverloadPacket):
        return str(packet._qualified_op_name)
    if isinstance(packet, torch._ops.HigherOrderOperator):
        return f"higher_order::{packet.name()}"
    raise TypeError(f"{operator!r} is not an operator; give for example torch.ops.mylib.myop")


def macs(names: str) -> Callable[[Formula], Formula]:
    """Register the MACs of operators of torch's own, by name ("mm bmm", "quantized::linear"): a torch may lack some."""
    return _registrar(MACS, full_names(names))


def other(names: str) -> Callable[[Formula], Formula]:
    """Register FLOPs that only `flops_all` counts."""
    return _registrar(OTHER, full_names(names))


def full_names(names: str) -> list[str]:
    """Names separated by spaces; those without a library are aten's."""
    return [name if "::" in name else f"aten::{name}" for name in names.split()]


def registered() -> str:
    """Equal while no formula is another one: figures made before may be other figures."""
    torchs = getattr(sys.modules.get("torch.utils.flop_counter"), "flop_registry", {})
    tables = (MACS, OTHER, REGISTERED_TRAFFIC, torchs)
    return str(hash(tuple(id(formula) for table in tables for formula in table.values())))


def _registrar(table: dict[str, Any], names: list[str]) -> Callable[[Registered], Registered]:
    def register(formula: Registered) -> Registered:
        table.update(dict.fromkeys(names, formula))
        return formula

    return register


def first_tensor(values: object) -> Tensor | None:
    """The tensor, or the first one in a list of results."""
    if isinstance(values, Tensor):
        return values
    if isinstance(values, (list, tuple)):
        return next((t for t in map(first_tensor, values) if t is not None), None)
    return None


def elements(values: object) -> int:
    """Elements of the first tensor among `values`."""
    tensor = first_tensor(values)
    return tensor.numel() if tensor is not None else 0


def is_dense(tensor: Tensor) -> bool:
    """Whether every element of a tensor is stored."""
    return bool(tensor.layout == torch.strided or str(tensor.layout) in ("torch._mkldnn", "torch.jagged"))


def stored(tensor: Tensor) -> int:
    """Elements that are stored: all, or the non-zero ones of a sparse matrix."""
    if is_dense(tensor):
        return tensor.numel()
    blocks = tensor.values() if tensor.layout != torch.sparse_coo else tensor._values()
    return blocks.numel()


# Matrix products


def product(left: Tensor, right: Tensor, out: Tensor) -> int:
    """Each output element is a sum over the inner dimension; a sparse operand's zeros are skipped."""
    if not is_dense(left) and not is_dense(right):
        return _meetings(left.to_sparse(), right.to_sparse())
    if not is_dense(left):
        return stored(left) * (right.shape[-1] if right.dim() > 1 else 1)
    if not is_dense(right):
        return stored(right) * math.prod(left.shape[:-1])
    if left.is_nested or right.is_nested:
        return _products_of_lists(left, right)
    return out.numel() * left.shape[-1]


def _products_of_lists(left: Tensor, right: Tensor) -> int:
    """Nested tensors: matrices of several shapes; a plain one meets each."""
    if not right.is_nested:
        return left.numel() * int(right.shape[-1])
    if not left.is_nested:
        return right.numel() * int(left.shape[-2])
    sizes = zip(left._nested_tensor_size().tolist(), right._nested_tensor_size().tolist(), strict=True)
    return sum(math.prod(one) * int(two[-1]) for one, two in sizes)


def _meetings(left: Tensor, right: Tensor) -> int:
    """Pairs of a stored element in column k of one and in row k of the other."""
    left, right = left.coalesce(), right.coalesce()
    columns = torch.bincount(left.indices()[1], minlength=left.shape[1])
    rows = torch.bincount(right.indices()[0], minlength=right.shape[0])
    return int((columns * rows).sum())


@macs(
    "mm bmm matmul mv dot vdot linalg_vecdot _int_mm _scaled_mm _scaled_mm_v2 _sparse_mm _sparse_sparse_matmul "
    "quantized::matmul"
)
def _product(args: TwoTensors, out: Tensor) -> int:
    return product(args[0], args[1], out)


@macs("addmm baddbmm addmv _addmm_activation _sparse_addmm sspaddmm")
def _added_product(args: ThreeTensors, out: Tensor) -> int:
    return product(args[1], args[2], out)


@macs("linear mkldnn_linear")
def _plain_linear(args: TwoTensors, out: Tensor) -> int:
    return out.numel() * int(args[1].shape[-1])


@macs("linear_backward")
def _linear_backward(args: tuple[Tensor, Tensor, Tensor, Sequence[bool]], out: object) -> int:
    """input, gradient, weight, whose are wanted: of input and weight as much as the forward, each."""
    return args[1].numel() * int(args[2].shape[-1]) * sum(args[3][:2])


@macs("matmul_backward")
def _matmul_backward(args: tuple[Tensor, Tensor, Tensor, Sequence[bool]], out: object) -> int:
    return product(args[1], args[2], args[0]) * sum(args[3])


@macs(
    "_weight_int8pack_mm _weight_int4pack_mm _weight_int4pack_mm_for_cpu "
    "_weight_int4pack_mm_with_scales_and_zeros"
)
def _linear(args: OneTensor, out: Tensor) -> int:
    return out.numel() * int(args[0].size(-1))  # a nested tensor has sizes, but no shape


@macs(
    "_dyn_quant_matmul_4bit _mixed_dtypes_linear quantized::linear quantized::linear_relu quantized::linear_dynamic "
    "quantized::linear_relu_dynamic quantized::linear_dynamic_fp16 quantized::linear_relu_dynamic_fp16 "
    "quantized::linear_leaky_relu quantized::linear_tanh quantized::linear_dynamic_fp16_unpacked_weight"
)
def _packed_linear(args: OneTensor, out: Tensor) -> int:
    """The weight is packed: the input's width says how many products there are."""
    return out.numel() * int(args[0].shape[-1])


@macs("addbmm")
def _summed_product(args: TwoTensors, out: Tensor) -> int:
    return out.numel() * int(args[1].shape[-1]) * int(args[1].shape[0])


@macs("addr")
def _outer(args: Arguments, out: Tensor) -> int:
    return out.numel()


@macs("_grouped_mm _scaled_grouped_mm")
def _grouped_product(args: TwoTensors, out: Tensor) -> int:
    """Where the groups divide the inner dimension (2-D by 2-D), each group's product sums over its part."""
    groups = out.shape[0] if args[0].dim() == args[1].dim() == 2 else 1
    return out.numel() // groups * int(args[0].shape[-1])


@macs("sparse_sampled_addmm")
def _sampled_product(args: TwoTensors, out: Tensor) -> int:
    """Only the elements of the pattern are computed."""
    return stored(args[0]) * int(args[1].shape[-1])


@macs("_sparse_mm_reduce_impl_backward")
def _sparse_reduced_backward(args: tuple[Tensor, Tensor, Unpack[Arguments]], out: object) -> int:
    """The last argument says whose gradients are wanted."""
    wanted = cast("Sequence[bool]", args[-1])
    return stored(args[0]) * int(args[1].shape[-1]) * sum(wanted)


@macs("_foreach_mm")
def _list_of_products(args: tuple[Sequence[Tensor], Sequence[Tensor]], out: Sequence[Tensor]) -> int:
    return sum(product(*operands) for operands in zip(*args[:2], out, strict=True))


@macs("_sparse_mm_reduce_impl")
def _sparse_reduced_product(args: TwoTensors, out: object) -> int:
    return stored(args[0]) * int(args[1].shape[-1])


@macs("_trilinear")
def _trilinear(
    args: tuple[Tensor, Tensor, Tensor, Sequence[int], Sequence[int], Sequence[int], Unpack[Arguments]],
    out: Tensor,
) -> int:
    """Bilinear layers: the full product space, once."""
    shapes = []
    for operand, expanded in zip(args[:3], args[3:6], strict=True):
        shape = list(operand.shape)
        for dimension in expanded:
            shape.insert(dimension, 1)
        shapes.append(shape)
    return math.prod(max(sizes) for sizes in zip(*shapes, strict=True))


# Convolutions


def convolution(image: Tensor, weight: Tensor, out: Tensor, transposed: bool) -> int:
    """Each output (transposed: each input) element meets the weight once, over one group's channels."""
    pixels = image.numel() if transposed else out.numel()
    return pixels * math.prod(weight.shape[1:])


@macs("convolution _convolution convolution_overrideable")
def _convolution(
    args: tuple[Tensor, Tensor, object, object, object, object, bool, Unpack[Arguments]], out: Tensor
) -> int:
    return convolution(args[0], args[1], out, args[6])


@macs(
    "conv1d conv2d conv3d cudnn_convolution mkldnn_convolution cudnn_convolution_relu cudnn_convolution_add_relu "
    "slow_conv3d slow_conv3d_forward slow_conv_dilated2d slow_conv_dilated3d thnn_conv2d _slow_conv2d_forward "
    "_conv_depthwise2d conv_depthwise3d miopen_convolution miopen_convolution_relu miopen_convolution_add_relu "
    "miopen_depthwise_convolution"
)
def _forward_convolution(args: TwoTensors, out: Tensor) -> int:
    return convolution(args[0], args[1], out, False)


@macs(
    "conv_transpose1d conv_transpose2d conv_transpose3d cudnn_convolution_transpose slow_conv_transpose2d "
    "slow_conv_transpose3d miopen_convolution_transpose"
)
def _transposed_convolution(args: TwoTensors, out: Tensor) -> int:
    return convolution(args[0], args[1], out, True)


@macs("conv_tbc")
def _time_first_convolution(args: TwoTensors, out: Tensor) -> int:
    return out.numel() * math.prod(args[1].shape[:2])


@macs("convolution_backward convolution_backward_overrideable")
def _convolution_backward(
    args: tuple[Tensor, Tensor, Tensor, Unpack[Arguments], bool, object, object, Sequence[bool]], out: object
) -> int:
    """Gradients of input and weight: as much as the forward, each; also when grouped."""
    gradient, image, weight, transposed, wanted = args[0], args[1], args[2], args[-4], args[-1]
    return convolution(image, weight, gradient, transposed) * sum(wanted[:2])


@macs("torchvision::deform_conv2d")
def _deformable_convolution(args: TwoTensors, out: Tensor) -> int:
    return convolution(args[0], args[1], out, False)


@macs("torchvision::_deform_conv2d_backward")
def _deformable_backward(args: ThreeTensors, out: object) -> int:
    return 2 * convolution(args[1], args[2], args[0], False)


# Bias: one addition for each output element


@other("addmm baddbmm addmv addbmm addr _addmm_activation _sparse_addmm sspaddmm")
def _added(args: Arguments, out: Tensor) -> int:
    return out.numel()


@other(
    "linear mkldnn_linear convolution _convolution convolution_overrideable conv1d conv2d conv3d conv_transpose1d "
    "conv_transpose2d conv_transpose3d mkldnn_convolution conv_tbc"
)
def _bias(args: Arguments, out: Tensor) -> int:
    return out.numel() if args[2] is not None else 0

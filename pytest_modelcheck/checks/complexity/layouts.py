"""One layout for what fused operators return: theirs depends on the kernel, and with it which copies follow.

A result lies in memory like the operator's first argument, a gradient like the argument that it belongs to.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor


def laid_out_like(tensor: Tensor, model: Tensor) -> Tensor:
    """The tensor, its dimensions in memory in the order of `model`'s (in their own order if it has not as many)."""
    if tensor.layout is not torch.strided or model.layout is not torch.strided:
        return tensor
    dimensions = range(tensor.dim())
    if tensor.dim() != model.dim():
        return tensor.contiguous()
    strides = model.stride()
    order = sorted(dimensions, key=lambda d: -strides[d])
    back = sorted(dimensions, key=order.__getitem__)
    return tensor.permute(order).contiguous().permute(back)


def results_laid_out(out: object, first: object) -> object:
    """Of several results the first is the sequence, the others are states."""
    if isinstance(out, tuple):
        return (results_laid_out(out[0], first), *(t.contiguous() for t in out[1:]))
    return laid_out_like(out, first) if isinstance(out, Tensor) and isinstance(first, Tensor) else out


class _Argument(torch.autograd.Function):
    """The same tensor; its gradient gets its layout."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        ctx.model = torch.empty_like(tensor, device="meta")
        return tensor.view_as(tensor)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return laid_out_like(gradients[0], ctx.model)


def argument(tensor: Tensor) -> Tensor:
    """The tensor as an argument of an operator, whose gradient will lie in memory like it."""
    if not tensor.requires_grad:
        return tensor
    return cast("Tensor", _Argument.apply(tensor))

"""Other backward rules for ReLUs, functional and module ones alike, without touching the model.

Deconvnet (Zeiler and Fergus 2013) rectifies the signal on its way down; guided backpropagation (Springenberg et al.
2014) also keeps plain backpropagation's mask. All else is the plain backward: the transpose of a convolution, and for
max pooling the switches of the forward (where windows overlap, the signals of one place are summed).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class _Rectified(torch.autograd.Function):
    """clamp(0, high), in place where the model does so, with the rule's backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rule: str, high: float | None, inplace: bool) -> Tensor:
        y = x.clamp_(0, high) if inplace else x.clamp(0, high)
        if inplace:
            ctx.mark_dirty(x)
        if rule == "guided":
            ctx.save_for_backward((y > 0) & (y < high) if high is not None else y > 0)
        return y

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor | None, ...]:
        signal = signal.clamp_min(0)
        if ctx.saved_tensors:
            signal = signal * ctx.saved_tensors[0]
        return signal, None, None, None


class Rectifiers(TorchFunctionMode):
    """While active in this thread, ReLUs, ReLU6 and hardtanh with a minimum of 0 go back by `rule`.

    `count`: how many were met.
    """

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule, self.count = rule, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        read = _READERS.get(func)
        limits = read(*args, **kwargs) if read else None
        if limits is None:
            return func(*args, **kwargs)
        self.count += 1
        x, high, inplace = limits
        return _Rectified.apply(x, self.rule, high, inplace)


Limits = tuple[Tensor, "float | None", bool]  # the input, the upper bound, whether in place


def _relu(input: Tensor, inplace: bool = False) -> Limits:
    return input, None, inplace


def _relu_(input: Tensor) -> Limits:
    return input, None, True


def _relu6(input: Tensor, inplace: bool = False) -> Limits:
    return input, 6.0, inplace


def _hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Limits | None:
    return (input, float(max_val), inplace) if min_val == 0 else None


def _hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Limits | None:
    return _hardtanh(input, min_val, max_val, True)


_READERS: dict[Callable[..., object], Callable[..., Limits | None]] = {
    F.relu: _relu,
    torch.relu: _relu,
    Tensor.relu: _relu,
    torch.relu_: _relu_,
    Tensor.relu_: _relu_,
    F.relu6: _relu6,
    F.hardtanh: _hardtanh,
    F.hardtanh_: _hardtanh_,
}

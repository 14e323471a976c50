"""Causal attention: of the products of queries and keys, those that a causal mask leaves."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .formulas import Arguments

Share: TypeAlias = tuple[int, int]  # products that count, of so many

CAUSAL_ARGUMENT = {  # where attention that arrives whole says whether it is causal
    "aten::scaled_dot_product_attention": 5,
    "aten::_scaled_dot_product_attention_math": 5,
    "aten::_scaled_dot_product_flash_attention": 4,
    "aten::_scaled_dot_product_flash_attention_for_cpu": 4,
    "aten::_scaled_dot_product_efficient_attention": 6,
    "aten::_scaled_dot_product_cudnn_attention": 6,
    "higher_order::flex_attention": None,  # its mask is a function
}
PRODUCTS = ("aten::bmm", "aten::baddbmm")  # of attention that is written out


@dataclass
class Attention:
    """Calls of attention that say that they are causal, and the others; `kept` while one that is written out runs."""

    causal: int = 0
    dense: int = 0
    kept: Share | None = None

    def share(self, name: str, args: Any) -> Share | None:
        """What a causal mask leaves of the call; None: all of it, or it is no attention."""
        if name not in CAUSAL_ARGUMENT:
            return None
        position = CAUSAL_ARGUMENT[name]
        share = causal_share(args[0], args[1]) if position is not None and args[position] else None
        self.note(share)
        return share

    def note(self, share: Share | None) -> None:
        """A call was seen."""
        self.causal += share is not None
        self.dense += share is None


def causal_share(query: Tensor, key: Tensor) -> Share:
    """Products that a causal mask leaves (query i sees keys 0..i, from the top left, as torch does), and all."""
    return _triangle(query.shape[-2], key.shape[-2])


def _triangle(length: int, other: int) -> Share:
    square = min(length, other)
    return square * (square + 1) // 2 + (length - square) * other, length * other


class WrittenOut(TorchFunctionMode):
    """Marks the products of torch's attention module where its weights are wanted: it writes attention out then.

    Whatever name the function was imported by: a mode sees the function itself.
    """

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.attention = attention

    def __torch_function__(
        self, func: Any, types: object, args: Arguments = (), kwargs: Mapping[str, Any] | None = None
    ) -> object:
        kwargs, module = kwargs or {}, torch.nn.functional.multi_head_attention_forward
        call = inspect.signature(module).bind(*args, **kwargs) if func is module else None
        share = _share_of_module(call) if call else None
        if call and call.arguments.get("need_weights", True):
            self.attention.note(share)
        if share is None:
            return func(*args, **kwargs)
        before, self.attention.kept = self.attention.kept, share
        try:
            return func(*args, **kwargs)
        finally:
            self.attention.kept = before


def _share_of_module(call: inspect.BoundArguments) -> Share | None:
    """Of a call that says that it is causal and wants the weights; lengths come first in its shapes."""
    call.apply_defaults()
    given = call.arguments
    if not (given["is_causal"] and given["need_weights"]) or given["key_padding_mask"] is not None:
        return None
    more = (given["bias_k"] is not None) + bool(given["add_zero_attn"])
    return _triangle(given["query"].shape[0], given["key"].shape[0] + more)

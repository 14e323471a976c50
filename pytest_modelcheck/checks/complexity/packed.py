"""Weights that quantised modules pack into script objects, where neither parameters() nor buffers() see them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

QUANTIZED = "torch.ao.nn."  # where torch's quantised modules live


def packed_weights(module: nn.Module) -> list[Tensor]:
    """Weights and biases packed in this very module, not its children; none in ordinary modules."""
    if not type(module).__module__.startswith(QUANTIZED):
        return []
    held = [value for value in vars(module).values() if isinstance(value, torch.ScriptObject)]
    return unpacked(held)


def unpacked(packed: object) -> list[Tensor]:
    """Weights (quantised) and biases (floating) in packed objects, each once; what else they hold are settings."""
    return list({tensor.data_ptr(): tensor.detach() for tensor in _tensors(packed)}.values())


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        if value.is_quantized or value.is_floating_point():
            yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, torch.ScriptObject) and hasattr(value, "__getstate__"):
        yield from _tensors(value.__getstate__())

"""A guess of what a model takes, from its first layer: for people, who know better."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn
from torch.nn.modules.conv import _ConvNd

LENGTHS = {1: (128,), 2: (224, 224), 3: (16, 112, 112)}  # of sounds, pictures and films
TOKENS = 16


class Guess(NamedTuple):
    """A shape, of which kind of numbers ("" for floating-point ones), and the layer that it is taken from."""

    shape: tuple[int, ...]
    dtype: str
    layer: str

    @property
    def option(self) -> str:
        """As `--modelcheck-input-size` takes it."""
        return ",".join(map(str, self.shape)) + (f":{self.dtype}" if self.dtype else "")


def guess_size(module: nn.Module) -> Guess | None:
    """From the first module whose input's shape is known; None where there is none."""
    for name, part in module.named_modules():
        shape = _shape(part)
        if shape is not None:
            dtype = "long" if isinstance(part, (nn.Embedding, nn.EmbeddingBag)) else ""
            return Guess(shape, dtype, f"{name or 'the model itself'} ({type(part).__name__})")
    return None


def _shape(part: nn.Module) -> tuple[int, ...] | None:
    if isinstance(part, _ConvNd):
        lengths = LENGTHS.get(len(part.kernel_size))
        return (1, part.in_channels, *lengths) if lengths and part.in_channels else None
    if isinstance(part, nn.Linear):
        return (1, part.in_features)
    if isinstance(part, (nn.Embedding, nn.EmbeddingBag)):
        return (1, min(TOKENS, part.num_embeddings))
    if isinstance(part, nn.RNNBase):
        steps, batch = (1, TOKENS) if part.batch_first else (TOKENS, 1)
        return (steps, batch, part.input_size)
    return None

"""The arguments of a model's forward call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ..errors import SubjectError
from ..text import as_written
from .shapes import shape_words

INPUT_SEED = 0


@dataclass(frozen=True)
class Inputs:
    """The arguments of one forward call."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, value: object) -> Inputs:
        """Read `value` as the contract says: a tuple is positional, a mapping is keywords, all else one argument."""
        if isinstance(value, Inputs):
            return value
        if isinstance(value, tuple) and not hasattr(value, "_fields"):
            return cls(value)
        if isinstance(value, Mapping):
            return cls((), dict(value))
        return cls((value,))

    @classmethod
    def random(
        cls, sizes: Sequence[Any], dtype: object = None, device: torch.device | str | int | None = None
    ) -> Inputs:
        """Random normal tensors of the given shape(s), from a fixed seed; integer dtypes get zeros and ones.

        `dtype`: of all, or a list with one for each.
        """
        generator = torch.Generator().manual_seed(INPUT_SEED)
        shapes = [tuple(sizes)] if _is_shape(sizes) else [tuple(shape) for shape in sizes]
        dtypes = list(dtype) if isinstance(dtype, (list, tuple)) else [dtype] * len(shapes)
        if len(dtypes) != len(shapes):
            raise SubjectError(
                f"dtype={as_written(dtype)}: {len(dtypes)} for {len(shapes)} shapes; write one for each"
            )
        made = (
            _random_tensor(shape, _dtype(kind), generator) for shape, kind in zip(shapes, dtypes, strict=True)
        )
        return cls(tuple(tensor.to(device) for tensor in made))

    def to(self, device: torch.device | None) -> Inputs:
        """The same inputs with their tensors on `device` (None: where they are). Raises SubjectError where they have no
        values to go there.
        """
        if (
            device is not None
            and torch.device(device).type != "meta"
            and any(t.is_meta for t in self.tensors)
        ):
            raise SubjectError(
                "an input is on the meta device, where there are no values, and the model is not.\n"
                "Give inputs with values, or the model on meta too (device='meta')."
            )
        return self.map(lambda leaf: leaf.to(device) if isinstance(leaf, Tensor) else leaf)

    def map(self, function: Callable[[Any], Any]) -> Inputs:
        """Apply `function` to every leaf of the (nested) arguments."""
        return Inputs(tree_map(function, self.args), tree_map(function, dict(self.kwargs)))

    def copied(self, *, gradients: bool = True) -> Inputs:
        """With tensors of its own: a model may write to what it is given, and the caller's may be of inference mode.

        `gradients`: those that require a gradient still do.
        """

        def own(leaf: object) -> object:
            if not isinstance(leaf, Tensor):
                return leaf
            return leaf.detach().clone().requires_grad_(gradients and leaf.requires_grad)

        with torch.inference_mode(False):
            return self.map(own)

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors, in order, however deeply nested."""
        return [leaf for leaf in tree_leaves((self.args, dict(self.kwargs))) if isinstance(leaf, Tensor)]

    def __str__(self) -> str:
        shown = (f"{shape_words(t)} {dtype_name(t)}" for t in self.tensors)
        return ", ".join(shown) or "no tensors"


def _is_shape(sizes: Sequence[object]) -> bool:
    return all(isinstance(size, int) for size in sizes)


def _random_tensor(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator).to(dtype)
    return torch.randint(0, 2, shape, generator=generator).to(dtype)


def _dtype(dtype: object) -> torch.dtype:
    if dtype is None:
        return torch.float32
    resolved = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(resolved, torch.dtype):
        raise SubjectError(
            f"dtype={as_written(dtype)} is not a torch dtype; write for example dtype=torch.float16"
        )
    return resolved


def dtype_name(tensor: Tensor) -> str:
    """`float32` for torch.float32."""
    return str(tensor.dtype).removeprefix("torch.")
